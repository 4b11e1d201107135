"""A WebSocket that nobody answers: what is said of the other end depends on who still does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from hublab.errors import Undecided
from hublab.probes.credentials import Credentials
from hublab.probes.websocket import converse

HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextlib.asynccontextmanager
async def other_end(*, health: bool) -> AsyncIterator[Any]:
    """A listener of our own that closes every upgrade, with or without an answer for health."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if health and head.startswith(b"GET /_chp_healthz "):
            writer.write(HEALTHY)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        channel = SimpleNamespace(session=aiohttp.ClientSession)
        origin = URL(f"http://127.0.0.1:{port}")
        yield SimpleNamespace(origin=origin, channel=channel, journal=None)


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (True, "closed the connection without an answer to the upgrade"),
        (False, "the proxy does not answer"),
    ],
)
def test_a_closed_upgrade_is_not_a_dead_proxy(health: bool, said: str) -> None:
    async def ask() -> None:
        async with other_end(health=health) as live:
            nobody = Credentials(aiohttp.DummyCookieJar())
            await converse(live, "/user/alice/api/events/subscribe", (), nobody)

    with pytest.raises(Undecided, match=said):
        asyncio.run(ask())
