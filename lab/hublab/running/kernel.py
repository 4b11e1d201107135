"""A kernel's channels over one WebSocket: Jupyter messaging protocol 5, JSON framing."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

from hublab.errors import HubError, Undecided


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a cell left: its streams, its value as text, the error it raised, and the seconds."""

    stdout: str
    stderr: str
    result: str | None
    error: str | None
    seconds: float


class Kernel:
    """A kernel that is asked to run cells. Use `Visitor.kernel`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, kernel_id: str) -> None:
        self.id = kernel_id
        self._socket = socket
        self._session = uuid.uuid4().hex

    async def run(self, code: str, timeout: float = 60) -> CellResult:
        """Run a cell and gather what it prints until the kernel is idle again.

        Raises Undecided after `timeout` seconds, HubError when the kernel dies or the socket
        closes.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._run(code)
        except TimeoutError as error:
            raise Undecided(f"the cell did not end within {timeout:g} s") from error

    async def start(self, code: str, timeout: float = 60) -> None:
        """Start a cell and return once the kernel has begun it, whatever becomes of it.

        Raises Undecided after `timeout` seconds, HubError when the socket closes.
        """
        try:
            async with asyncio.timeout(timeout):
                asked = await self.request("execute_request", execution(code))
                while (await self._answer_to(asked))["header"]["msg_type"] != "execute_input":
                    pass
        except TimeoutError as error:
            raise Undecided(f"the cell did not begin within {timeout:g} s") from error

    async def request(self, kind: str, content: dict[str, Any]) -> str:
        """Send one message on the shell channel; returns its id."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "version": "5.3",
        }
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self._socket.send_json({**message, "channel": "shell", "buffers": []})
        return header["msg_id"]

    async def ask(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send one message and wait for the first that answers it: the kernel has begun with it."""
        return await self._answer_to(await self.request(kind, content))

    async def _run(self, code: str) -> CellResult:
        begun = time.monotonic()
        asked = await self.request("execute_request", execution(code))
        found: dict[str, Any] = {"stdout": "", "stderr": "", "result": None, "error": None}
        waiting = {"reply", "idle"}
        while waiting:
            waiting.discard(gather(await self._answer_to(asked), found))
        return CellResult(**found, seconds=time.monotonic() - begun)

    async def _answer_to(self, asked: str) -> dict[str, Any]:
        """The next message that answers one of ours."""
        while True:
            answer = await self._socket.receive()
            if answer.type is not aiohttp.WSMsgType.TEXT:
                raise HubError(f"the kernel's WebSocket closed ({answer.type.name})")
            reply: dict[str, Any] = json.loads(answer.data)
            if died(reply):
                raise HubError("the kernel died")
            if reply["parent_header"].get("msg_id") == asked:
                return reply


def execution(code: str) -> dict[str, Any]:
    """The content of a request to run a cell."""
    return {"code": code, "silent": False, "store_history": True, "allow_stdin": False}


def died(reply: dict[str, Any]) -> bool:
    """Whether the server says that a kernel's process has ended by itself.

    It is the server's own message (jupyter_server, services/kernels/connection/channels.py), an
    answer to none of ours: either the kernel is started again, without our cell, or given up.
    """
    if reply["header"]["msg_type"] != "status":
        return False
    return reply["content"]["execution_state"] in ("restarting", "dead")


def gather(reply: dict[str, Any], found: dict[str, Any]) -> str:
    """Take in one message about our cell; says which end it marks, `reply`, `idle` or none."""
    content = reply["content"]
    match reply["header"]["msg_type"]:
        case "stream":
            found[content["name"]] += content["text"]
        case "execute_result":
            found["result"] = content["data"].get("text/plain")
        case "error":
            found["error"] = f"{content['ename']}: {content['evalue']}"
        case "execute_reply":
            # The message `error` is lost where the kernel could not send it, as with a lone
            # surrogate in its text; the reply says so all the same, or that it was aborted.
            if content["status"] != "ok" and found["error"] is None:
                words = (content.get("ename"), content.get("evalue"))
                found["error"] = ": ".join(str(w) for w in words if w) or str(content["status"])
            return "reply"
        case "status" if content["execution_state"] == "idle":
            return "idle"
    return ""
