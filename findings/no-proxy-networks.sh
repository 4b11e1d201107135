#!/bin/sh
# Software: requests 2.34.2, httpx 0.28.1, aiohttp 3.14.5 (PyPI), and Python's own urllib.
#
# A good guess: no_proxy is one convention. Whoever lists a network (127.0.0.0/8) or a host with
# its port there is understood by all four, or at least by the three libraries.
#
# What they do: a network is understood by requests alone. A host with its port is understood by
# urllib and httpx alone. Only bare hosts and `*` hold everywhere, and nobody warns about the rest:
# the request goes to the proxy.
#
# Seen, for a server at 127.0.0.1:PORT with http_proxy set:
#   no_proxy=127.0.0.1       urllib direct  requests direct  httpx direct  aiohttp direct
#   no_proxy=127.0.0.0/8     urllib proxy   requests direct  httpx proxy   aiohttp proxy
#   no_proxy=127.0.0.1:PORT  urllib direct  requests proxy   httpx direct  aiohttp proxy
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with requests==2.34.2 httpx==0.28.1 aiohttp==3.14.5

"$python" - <<'EOF'
import asyncio
import http.server
import os
import sys
import threading
import urllib.request

import aiohttp
import httpx
import requests


class Listener(http.server.BaseHTTPRequestHandler):
    """Server and proxy in one: a proxy is asked for a whole URL, a server for a path."""

    asked = []

    def do_GET(self):
        self.asked.append("proxy" if self.path.startswith("http:") else "direct")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


async def with_aiohttp(url):
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(url):
        pass


port = serve()
os.environ["http_proxy"] = f"http://127.0.0.1:{serve()}"
url = f"http://127.0.0.1:{port}/"
clients = {
    "urllib": lambda: urllib.request.urlopen(url, timeout=5).close(),
    "requests": lambda: requests.get(url, timeout=5),
    "httpx": lambda: httpx.get(url, timeout=5),
    "aiohttp": lambda: asyncio.run(with_aiohttp(url)),
}
expected = {
    "127.0.0.1": {"urllib", "requests", "httpx", "aiohttp"},
    "127.0.0.0/8": {"requests"},
    f"127.0.0.1:{port}": {"urllib", "httpx"},
}
differs = []
for value, understood_by in expected.items():
    os.environ["no_proxy"] = value
    Listener.asked.clear()
    for client in clients.values():
        client()
    row = dict(zip(clients, Listener.asked, strict=True))
    print(f"no_proxy={value}:", "  ".join(f"{name} {way}" for name, way in row.items()))
    if {name for name, way in row.items() if way == "direct"} != understood_by:
        differs.append(value)
if differs:
    sys.exit(f"changed: others understand {' and '.join(differs)} now")
EOF
