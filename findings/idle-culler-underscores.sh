#!/bin/sh
# Software: jupyterhub-idle-culler 2.0.0 (PyPI).
#
# A good guess: --cull_every and --cull-every are one option, as with the tornado options that the
# culler was built on, and --version tells the version.
#
# What it does: a name with an underscore is one line of warning, and the culler runs on without the
# setting, here with its own interval of half the timeout. --version prints 0.0.
#
# Seen, with --timeout=7200:
#   --cull-every=1: three rounds in 2 s
#   --cull_every=1: one round in 4 s; "Unrecognized alias: 'cull_every', it will have no effect."
#   --version: 0.0
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with jupyterhub-idle-culler==2.0.0

"$python" - <<'EOF'
import http.server
import os
import subprocess
import sys
import threading
import time


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub without users, asked once for its version and once for its users in each round."""

    rounds = 0
    changed = threading.Condition()

    def do_GET(self):
        users = "/users" in self.path
        answer = b'{"version": "6.1.1"}'
        if users:
            answer = b'{"items": [], "_pagination": {"next": null}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        if users:
            with self.changed:
                Hub.rounds += 1
                self.changed.notify_all()

    def log_message(self, *arguments):
        pass


def watch(option, rounds, seconds):
    """Rounds seen until there were that many or the time was over; then the culler's words."""
    Hub.rounds = 0
    culler = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=7200", option],
        env=os.environ
        | {
            "JUPYTERHUB_API_TOKEN": "of-this-run",
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{server.server_port}/hub/api",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with Hub.changed:
            if not Hub.changed.wait_for(lambda: Hub.rounds > 0, 20):
                sys.exit("changed: the culler asked for no users within 20 s")
            begun = time.monotonic()
            Hub.changed.wait_for(lambda: Hub.rounds >= rounds, seconds)
            took = time.monotonic() - begun
        runs = culler.poll() is None
    finally:
        culler.terminate()
    words = [line for line in culler.communicate(timeout=10)[1].splitlines() if "alias" in line]
    print(f"{option}: rounds {Hub.rounds} in {took:.0f} s, runs on {runs}", *words)
    return Hub.rounds, runs


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
dashed = watch("--cull-every=1", rounds=3, seconds=20)
underscored = watch("--cull_every=1", rounds=3, seconds=4)
version = subprocess.run(
    [sys.executable, "-m", "jupyterhub_idle_culler", "--version"],
    capture_output=True,
    text=True,
    check=True,
).stdout.strip()
print("--version:", version)
if dashed != (3, True):
    sys.exit("changed: with --cull-every=1 it asked each second")
if underscored != (1, True):
    sys.exit("changed: with --cull_every=1 it ran on and asked once")
if version != "0.0":
    sys.exit("changed: --version printed 0.0")
EOF
