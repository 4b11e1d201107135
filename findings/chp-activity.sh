#!/bin/sh
# Software: configurable-http-proxy 5.3.0 (npm).
#
# A good guess: a route's last_activity, by which idle servers are found, moves with all traffic
# of the route, in either direction, and with every request that the server answers.
#
# What it does: on a WebSocket only what the browser sends counts, and there every byte does, also
# the pong with which a browser answers a ping by itself. What the server sends does not. An HTTP
# answer counts only below status 300: neither a redirect nor 304 "not modified" nor an error. So a
# dashboard that is watched is idle, and a tab that nobody looks at is active, if the server pings.
#
# Seen: HTTP 200 counts; 302, 304, 404 do not; the upgrade and 20 messages from the server do
# not; one pong from the browser does.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
node_with configurable-http-proxy@5.3.0

"$python" - "$work" <<'EOF'
import asyncio
import json
import os
import re
import secrets
import socket
import sys
import urllib.error
import urllib.request

TOKEN = secrets.token_hex(16)
MESSAGE = b"\x81\x05hello"  # a text frame (RFC 6455, 5.7)
PONG = b"\x8a\x80\x00\x00\x00\x00"  # masked, empty


def two_ports():
    loopback = ("127.0.0.1", 0)
    with socket.create_server(loopback) as one, socket.create_server(loopback) as two:
        return one.getsockname()[1], two.getsockname()[1]


async def application(reader, writer):
    """Answers /NUMBER with that status, and a WebSocket with 20 messages."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "websocket" not in head.lower():
            status = re.search(r"/(\d{3}) ", head)[1]
            writer.write(f"HTTP/1.1 {status} X\r\nConnection: close\r\n".encode())
            writer.write(b"\r\n" if status == "304" else b"Content-Length: 0\r\n\r\n")
        else:
            # No client checks the key's answer here.
            writer.write(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            await writer.drain()
            for _ in range(20):
                writer.write(MESSAGE)
                await writer.drain()
                await asyncio.sleep(0.02)
            await reader.read()
        await writer.drain()
    finally:
        writer.close()


class Route:
    def __init__(self, api):
        self.url = f"http://127.0.0.1:{api}/api/routes"

    def ask(self, path="", body=None):
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read() or "null")

    async def add(self, target):
        for _ in range(200):
            try:
                return await asyncio.to_thread(self.ask, "/app", {"target": target})
            except urllib.error.URLError as error:
                if isinstance(error, urllib.error.HTTPError):
                    raise
                await asyncio.sleep(0.05)
        sys.exit("changed: the proxy's API does not listen after 10 s")

    async def last_activity(self):
        return (await asyncio.to_thread(self.ask))["/app"]["last_activity"]


async def main():
    port, api = two_ports()
    proxy = await asyncio.create_subprocess_exec(
        f"{sys.argv[1]}/node_modules/.bin/configurable-http-proxy",
        *("--ip", "127.0.0.1", "--port", str(port)),
        *("--api-ip", "127.0.0.1", "--api-port", str(api), "--no-include-prefix"),
        env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": TOKEN},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    server = await asyncio.start_server(application, "127.0.0.1", 0)
    route = Route(api)
    seen = {}

    async def note(what, deed):
        before = await route.last_activity()
        await asyncio.sleep(0.02)  # the clock of last_activity counts milliseconds
        result = await deed
        # The proxy may note it a moment after the last byte, so it is asked more than once.
        for _ in range(10):
            after = await route.last_activity()
        seen[what] = after != before
        print(f"{what}: {'counts' if seen[what] else 'does not count'}")
        return result

    async def get(status):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /app/{status} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        await asyncio.wait_for(reader.read(), 5)
        writer.close()

    async def watch():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /app/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        await asyncio.wait_for(reader.readexactly(20 * len(MESSAGE)), 5)
        return writer

    async def answer_a_ping(writer):
        writer.write(PONG)
        await writer.drain()

    try:
        await route.add(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for status in (200, 302, 304, 404):
            await note(f"HTTP {status}", get(status))
        writer = await note("upgrade and 20 messages from the server", watch())
        await note("a pong from the browser", answer_a_ping(writer))
        writer.close()
    finally:
        server.close()
        proxy.terminate()
        await proxy.wait()
    if list(seen.values()) != [True, False, False, False, False, True]:
        sys.exit("changed: 200 and the pong counted, nothing else")


asyncio.run(main())
EOF
