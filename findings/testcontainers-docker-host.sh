#!/bin/sh
# Software: testcontainers 4.15.0 with docker 7.2.0 (PyPI).
#
# A good guess: tc.host in ~/.testcontainers.properties says which engine testcontainers uses, and
# nobody else.
#
# What it does: the first DockerContainer writes that host into os.environ["DOCKER_HOST"]. From then
# on whatever else the process does with Docker, in its own code or in a `docker` that it starts,
# goes to that engine, too. What ran before went to another.
#
# Seen: DOCKER_HOST not set at first and after the import; after DockerContainer("image")
# tcp://127.0.0.1:PORT, and docker.from_env() asks that engine.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with testcontainers==4.15.0 docker==7.2.0
export HOME="$work"
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG TESTCONTAINERS_HOST_OVERRIDE

"$python" - <<'EOF'
import http.server
import os
import sys
import threading
from pathlib import Path


class Engine(http.server.BaseHTTPRequestHandler):
    """Tells its version, which is all that a client wants at first."""

    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"ApiVersion": "1.41"}')

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
threading.Thread(target=server.serve_forever, daemon=True).start()
engine = f"tcp://127.0.0.1:{server.server_port}"
Path.home().joinpath(".testcontainers.properties").write_text(f"tc.host={engine}\n")

import docker  # noqa: E402
from testcontainers.core.container import DockerContainer  # noqa: E402

print("DOCKER_HOST after the import:", os.environ.get("DOCKER_HOST"))
if "DOCKER_HOST" in os.environ:
    sys.exit("changed: the import alone set nothing")
DockerContainer("image")
print("after DockerContainer(…):", os.environ.get("DOCKER_HOST"))
Engine.asked.clear()
if os.environ.get("DOCKER_HOST") != engine:
    sys.exit("changed: DOCKER_HOST was tc.host")
docker.from_env().version()
print("docker.from_env() asks that engine:", bool(Engine.asked))
if not Engine.asked:
    sys.exit("changed: another client went to tc.host, too")
EOF
