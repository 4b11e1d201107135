"""A page that is connected to a kernel, and takes text and binary messages alike."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import uuid
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from hublab.scenario import Kernel, LiveLab, Server, Undecided, Visitor

LONGEST = 60.0
"""Seconds for a cell to end: the longest here prints for some seconds."""
Message = dict[str, Any]


async def visit(lab: LiveLab, user: str, on: str = "node1") -> tuple[Visitor, Server]:
    """This case's server, and its owner who has its page open."""
    server = await lab.spawn(user, lab.own_server, on=on)
    visitor = await lab.sign_in(user)
    await visitor.open_server(server.name)
    return visitor, server


async def new_kernel(visitor: Visitor, server: Server, kind: str | None = None) -> str:
    """Start a kernel of a kind, the default one if none is named; returns its id."""
    model = await visitor.api("POST", "kernels", server.name, json={"name": kind} if kind else {})
    return str(model["id"])


def direct(server: Server) -> URL:
    """Where a server is reached past the proxy."""
    return URL.build(scheme="http", host=str(server.address), port=server.port)


def cookies_of(visitor: Visitor, server: Server) -> dict[str, str]:
    """The header with the cookies of a user's page, for the server's own address.

    A browser that has signed in there has the same ones.
    """
    found = visitor.session.cookie_jar.filter_cookies(visitor.server_url(server.name))
    return {"Cookie": "; ".join(f"{one.key}={one.coded_value}" for one in found.values())}


@contextlib.asynccontextmanager
async def while_sending(sending: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Something is sent during a block, which reads; the rest is dropped when the block ends.

    The proxy takes no more of a connection whose other half was cut, and closes its own half of it:
    who only sends waits for ever.
    """
    task = asyncio.create_task(sending)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await task


@dataclass(slots=True)
class Output:
    """What a page has shown of a cell when the kernel is idle again."""

    stdout: str = ""
    stderr: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=list)
    status: str | None = None


class Page(Kernel):
    """A page's WebSocket to a kernel. Use `page`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, kernel_id: str) -> None:
        super().__init__(socket, kernel_id)
        self.socket = socket

    async def message(self) -> Message:
        """The next message, whatever it is about; `buffers` as bytes."""
        return unpacked(await self.socket.receive())

    async def show(self, code: str) -> Output:
        """Run a cell; all that comes until the kernel has answered and is idle."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        asked = await self.request("execute_request", content)
        try:
            async with asyncio.timeout(LONGEST):
                return await self.rest(asked)
        except TimeoutError as error:
            raise Undecided(f"the cell did not end within {LONGEST:g} s") from error

    async def rest(self, asked: str) -> Output:
        """What still comes about a request, until the kernel has answered and is idle."""
        shown, waiting = Output(), {"execute_reply", "idle"}
        while waiting:
            message = await self.message()
            if message["parent_header"].get("msg_id") == asked:
                waiting.discard(add(message, shown))
        return shown


def add(message: Message, shown: Output) -> str:
    """Show a message; says which end it is, if it is one."""
    kind, content = message["header"]["msg_type"], message["content"]
    shown.buffers += message["buffers"]
    if kind == "stream" and content["name"] == "stdout":
        shown.stdout += content["text"]
    elif kind == "stream":
        shown.stderr += content["text"]
    elif kind in ("display_data", "execute_result"):
        shown.data.append(content["data"])
    elif kind == "execute_reply":
        shown.status = content["status"]
    elif kind == "status":
        return str(content["execution_state"])
    return str(kind)


def unpacked(message: aiohttp.WSMessage) -> Message:
    """A message of the default WebSocket protocol, with binary parts behind it or without.

    jupyter_server documentation, "WebSocket kernel wire protocols": the number of parts, the
    offset of each, then the parts, of which the first is JSON. Raises Undecided at the end.
    """
    if message.type is aiohttp.WSMsgType.TEXT:
        found: Message = json.loads(message.data)
        return {**found, "buffers": []}
    if message.type is not aiohttp.WSMsgType.BINARY:
        raise Undecided(f"the page's WebSocket closed ({message.type.name})")
    data: bytes = message.data
    (count,) = struct.unpack_from("!I", data)
    starts = struct.unpack_from(f"!{count}I", data, 4)
    parts = [data[a:b] for a, b in zip(starts, (*starts[1:], len(data)), strict=True)]
    return {**json.loads(parts[0]), "buffers": parts[1:]}


@contextlib.asynccontextmanager
async def page(
    visitor: Visitor,
    server: Server,
    kernel_id: str,
    *,
    session: str = "",
    at: URL | None = None,
) -> AsyncIterator[Page]:
    """A page that connects to a kernel; with `session` as one that has been there before.

    `at` is the server's own address, past the proxy. What JupyterLab sends is a random session
    for each connection that a page makes anew.
    """
    place = visitor.server_url(server.name) / "api" / "kernels" / kernel_id / "channels"
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(at or visitor.origin)}
    if at:
        headers |= cookies_of(visitor, server)
        place = at.with_path(place.path)
    url = place.with_query(session_id=session or uuid.uuid4().hex)
    async with visitor.session.ws_connect(url, headers=headers, max_msg_size=0) as socket:
        yield Page(socket, kernel_id)
