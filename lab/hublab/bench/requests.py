"""Round trips from the client through the proxy, against the same directly to the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from yarl import URL

from hublab.bench.measure import Part
from hublab.running.live import LiveLab
from hublab.running.visitor import Visitor

USER, NODE = "alice", "node1"
REPEATS = 50


class Requests:
    """One signed-in user and one server; each round is the mean of fifty round trips."""

    def __init__(self, live: LiveLab) -> None:
        self.live = live
        self._visitor: Visitor | None = None
        self._direct: URL | None = None
        self._kernel = ""

    async def visitor(self) -> Visitor:
        if self._visitor is None:
            server = await self.live.server(USER)
            if server is None or not server.ready:
                server = await self.live.spawn(USER, on=NODE)
            self._visitor = await self.live.sign_in(USER)
            await self._visitor.open_server()
            self._kernel = (await self._visitor.api("POST", "kernels", json={}))["id"]
            self._direct = URL(f"http://{server.address}:{server.port}")
        return self._visitor

    async def through(self) -> float:
        visitor = await self.visitor()
        return await self._get(visitor, visitor.origin)

    async def direct(self) -> float:
        visitor = await self.visitor()
        assert self._direct is not None
        return await self._get(visitor, self._direct)

    async def _get(self, visitor: Visitor, origin: URL) -> float:
        url = origin.with_path(f"/user/{USER}/api")

        async def once() -> None:
            async with visitor.session.get(url) as answer:
                await answer.read()
                answer.raise_for_status()

        return await mean(once)

    async def socket_through(self) -> float:
        visitor = await self.visitor()
        return await self._socket(visitor, visitor.origin)

    async def socket_direct(self) -> float:
        visitor = await self.visitor()
        assert self._direct is not None
        return await self._socket(visitor, self._direct)

    async def _socket(self, visitor: Visitor, origin: URL) -> float:
        """A kernel_info round trip: client, server, kernel, and back."""
        path = f"/user/{USER}/api/kernels/{self._kernel}/channels"
        token = await self._cookie(visitor)
        headers = {"Sec-Fetch-Mode": "websocket", "Cookie": token}
        async with visitor.session.ws_connect(origin.with_path(path), headers=headers) as socket:

            async def once() -> None:
                await socket.send_json(kernel_info())
                while True:
                    reply = json.loads((await socket.receive()).data)
                    if reply["header"]["msg_type"] == "kernel_info_reply":
                        return

            return await mean(once)

    async def _cookie(self, visitor: Visitor) -> str:
        """The page's cookies; the cookie jar would not send them to the server's own address."""
        found = visitor.session.cookie_jar.filter_cookies(visitor.server_url())
        return "; ".join(f"{name}={morsel.value}" for name, morsel in found.items())

    def parts(self) -> list[Part]:
        direct = "the same to the server's own address, from the same client"
        return [
            Part(
                "request",
                f"a GET through the proxy, mean of {REPEATS}",
                direct,
                self.through,
                self.direct,
            ),
            Part(
                "websocket",
                f"kernel_info over a WebSocket through the proxy, mean of {REPEATS}",
                direct,
                self.socket_through,
                self.socket_direct,
            ),
        ]

    async def close(self) -> None:
        if self._visitor:
            await self._visitor.session.close()


def kernel_info() -> dict[str, object]:
    header = {
        "msg_id": "bench",
        "msg_type": "kernel_info_request",
        "session": "bench",
        "username": "",
        "version": "5.3",
    }
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": {},
        "channel": "shell",
        "buffers": [],
    }


async def mean(once: Callable[[], Awaitable[None]]) -> float:
    """Mean seconds of one of many round trips, after one that is not counted."""
    await once()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(REPEATS):
        await once()
    return (loop.time() - begun) / REPEATS
