#!/bin/sh
# Software: configurable-http-proxy 5.3.0 (npm).
#
# A good guess: `--port A --port B` is an error, or B wins, as in most commands. So options of one's
# own can be put behind those that a program gives already.
#
# What it does: neither holds, nothing is said, and the proxy listens on its default, 8000. The
# parser of numbers gets what the option was before as its second argument, which parseInt takes
# for the base of the number; that makes NaN.
#
# Seen: --port 40001 --port 40003: "Proxying http://8000:127.0.0.1" (that order is the program's).
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
node_with configurable-http-proxy@5.3.0

"$python" - "$work" <<'EOF'
import os
import re
import socket
import subprocess
import sys


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens_after(*options):
    """The port that the proxy says it listens on."""
    proxy = subprocess.Popen(
        [
            f"{sys.argv[1]}/node_modules/.bin/configurable-http-proxy",
            *("--ip", "127.0.0.1", "--api-ip", "127.0.0.1", *options),
        ],
        env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": "of-this-run"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in proxy.stdout:
            if found := re.search(r"Proxying http://(.*) to", line):
                return int(re.search(r"\d{4,5}", found[1])[0])
        sys.exit(f"changed: the proxy ended with {proxy.wait(10)} and did not listen")
    finally:
        proxy.terminate()
        proxy.wait(10)


if not (is_free(8000) and is_free(8001)):
    print("cannot run here: port 8000 or 8001 of 127.0.0.1 is in use")
    sys.exit(3)
# The API listens on the port that follows.
free = (port for port in range(40001, 60000, 2) if is_free(port) and is_free(port + 1))
first, second = next(free), next(free)
once = listens_after("--port", str(first))
twice = listens_after("--port", str(first), "--port", str(second))
print(f"--port {first}: listens on {once}; --port {first} --port {second}: listens on {twice}")
if (once, twice) != (first, 8000):
    sys.exit("changed: a port given twice left the default")
EOF
