"""A way into the lab that is lost in the midst of work."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from hublab.running.channel import Channel


def test_a_lost_way_is_no_answer() -> None:
    """What asks through it knows the errors of aiohttp alone."""
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))  # nothing listens there, and nothing else takes the port
        channel = Channel(f"socks5://127.0.0.1:{gone.getsockname()[1]}")

        async def ask() -> None:
            async with channel.session() as session, session.get("http://hub:8081/hub/api"):
                pass

        with pytest.raises(aiohttp.ClientConnectionError, match="to the client host is lost"):
            asyncio.run(ask())
