#!/bin/sh
# Software: jupyter_server 2.21.1 (PyPI).
#
# A good guess: without a terminal, nobody can be asked whether to shut down, so SIGINT ends a server as
# SIGTERM does: kernels and extensions are shut down, and the record of the running server
# (jpserver-PID.json) is removed.
#
# What it does: after SIGTERM the record is gone; after SIGINT it stays, for ever, as one of a server that
# runs.
#
# Seen:
#   SIGTERM: 0 records left
#   SIGINT: 1 record left
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with jupyter_server==2.21.1

"$python" - <<'EOF'
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path


def records(folder):
    return list(Path(folder).glob("jpserver-*.json"))


def answers(folder):
    """Whether the server runs whose record is there."""
    try:
        url = json.loads(records(folder)[0].read_text())["url"]
        with urllib.request.urlopen(url + "api", timeout=5) as reply:
            return reply.status == 200
    except (IndexError, ValueError, OSError):
        return False


def left(number):
    """How many records of a server are there after it got the signal and has ended."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HOME": folder, "JUPYTER_RUNTIME_DIR": folder}
        argv = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"]
        server = subprocess.Popen(
            argv, cwd=folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not answers(folder):
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("changed: no server with a record has started")
            time.sleep(0.05)
        server.send_signal(number)
        server.wait(30)
        return len(records(folder))


found = {number.name: left(number) for number in (signal.SIGTERM, signal.SIGINT)}
for name, count in found.items():
    print(f"{name}: {count} record{'s' * (count != 1)} left")
if found != {"SIGTERM": 0, "SIGINT": 1}:
    sys.exit("changed: SIGINT and SIGTERM leave something else")
EOF
