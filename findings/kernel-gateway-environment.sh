#!/bin/sh
# Software: jupyter-kernel-gateway 3.0.1 with ipykernel 7.4.0 (PyPI).
#
# A good guess: `env` in a request for a kernel adds variables to those that the gateway has; an
# empty one adds none and changes nothing.
#
# What it does: without `env` the kernel has the gateway's whole environment. With one, even an
# empty one, it has PATH, what is asked for and allowed, and hardly more: no HOME, nothing of what
# the administrator set. A Jupyter server in front always sends one, so what works by hand fails
# through the server. env_process_whitelist names what to keep.
#
# Seen, with a variable SET_BY_ADMIN: without env the kernel has PATH, HOME, SET_BY_ADMIN;
# with env={} it has PATH alone of these.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
[ -r /proc/self/environ ] || cannot "there is no /proc/PID/environ"
python_with jupyter-kernel-gateway==3.0.1 ipykernel==7.4.0

cd "$work"
HOME=$work SET_BY_ADMIN=yes "$python" - <<'EOF'
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

WATCHED = ("PATH", "HOME", "SET_BY_ADMIN")
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
with open("log", "w") as log:
    gateway = subprocess.Popen(
        [
            *(sys.executable, "-m", "kernel_gateway"),
            *("--KernelGatewayApp.ip=127.0.0.1", f"--KernelGatewayApp.port={port}"),
        ],
        stderr=log,
    )


def ask(method, path, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or "null")


def answers():
    try:
        return bool(ask("GET", "/api"))
    except OSError:
        return False


def kernels_variables():
    """Which of the variables the gateway's one child has."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(gateway.pid):
                lines = stat.with_name("environ").read_text(errors="replace").split("\0")
                return [name for name in WATCHED if any(x.startswith(f"{name}=") for x in lines)]
        except FileNotFoundError:
            continue  # it has ended
    sys.exit("changed: the gateway had a kernel")


seen = {}
try:
    until = time.monotonic() + 30
    while not answers():
        if gateway.poll() is not None or time.monotonic() > until:
            print(Path("log").read_text()[-2000:])
            sys.exit("changed: the gateway answered")
        time.sleep(0.1)
    for body in ({"name": "python3"}, {"name": "python3", "env": {}}):
        kernel = ask("POST", "/api/kernels", body)["id"]
        seen[json.dumps(body)] = kernels_variables()
        ask("DELETE", f"/api/kernels/{kernel}")
finally:
    gateway.terminate()
    gateway.wait(20)
for body, variables in seen.items():
    print(f"{body}: the kernel has {', '.join(variables)}")
if list(seen.values()) != [list(WATCHED), ["PATH"]]:
    sys.exit("changed: all three without env, PATH alone with it")
EOF
