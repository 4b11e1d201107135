#!/bin/sh
# Software: testcontainers 4.15.0 with docker 7.2.0 (PyPI).
#
# A good guess: DockerContainer's with_… methods add up. with_env("A", …).with_env("B", …) sets
# both, so .with_kwargs(labels=…).with_kwargs(network_mode=…) gives the engine both, too.
#
# What it does: with_kwargs replaces whatever an earlier with_kwargs said. Labels, limits of memory
# and the like are lost without a word, as when a subclass and its user both call it.
#
# Seen, in what reached the engine: variables A and B, network_mode "none", no label "owner", no
# limit of memory. No engine is needed: a listener that notes the request stands in for one.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with testcontainers==4.15.0 docker==7.2.0
export HOME="$work" # whose .testcontainers.properties is no part of this

"$python" - <<'EOF'
import http.server
import json
import os
import sys
import threading


class Engine(http.server.BaseHTTPRequestHandler):
    """As much of the engine's API as creating and starting a container needs."""

    protocol_version = "HTTP/1.1"
    created = []

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = 200, {"ApiVersion": "1.41", "Id": "0123", "Config": {}, "State": {}}
        if "/containers/create" in self.path:
            self.created.append(json.loads(body))
            status = 201
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.server_port}"
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"

from testcontainers.core.container import DockerContainer  # noqa: E402  reads the environment

container = DockerContainer("image").with_env("A", "1").with_env("B", "2")
container.with_kwargs(labels={"owner": "me"}, mem_limit="256m").with_kwargs(network_mode="none")
container.start()
asked = Engine.created[0]
environment = sorted(asked["Env"])
label = asked["Labels"].get("owner")
memory, network = asked["HostConfig"].get("Memory"), asked["HostConfig"]["NetworkMode"]
print(f"the engine got Env {environment}, NetworkMode {network!r},")
print(f"label owner {label!r}, Memory {memory!r}")
if environment != ["A=1", "B=2"] or network != "none":
    sys.exit("changed: with_env adds up, the last with_kwargs holds")
if label is not None or memory:
    sys.exit("changed: the first with_kwargs was lost")
EOF
