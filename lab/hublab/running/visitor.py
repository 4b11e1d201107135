"""A person at the client host: signs in through the proxy as a browser does, and runs cells.

What a browser sends by itself (cookies, the XSRF token of a page, Sec-Fetch-Mode) is sent
here too, for JupyterHub treats a request without it differently (jupyterhub/_xsrf_utils.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from hublab.errors import HubError, Undecided, in_words
from hublab.running.channel import Channel

NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}
SAME_ORIGIN = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a cell left: its streams, its value as text, the error it raised, and the seconds."""

    stdout: str
    stderr: str
    result: str | None
    error: str | None
    seconds: float


@contextlib.asynccontextmanager
async def answering(url: URL) -> AsyncIterator[None]:
    """Raise HubError when nothing answers: the proxy may have no way to a server."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        raise HubError(
            f"no answer: {in_words(error)}",
            where=f"{url}, through the proxy",
            hint="`hublab reach` says which hop is broken",
        ) from error


class Visitor:
    """One signed-in user. Use `sign_in`."""

    def __init__(self, session: aiohttp.ClientSession, origin: URL, base: str, user: str) -> None:
        self.session = session
        self.origin = origin
        """Scheme, host and port of the proxy, as seen from the client host."""
        self.base = base
        """The path under which everything stands, `/` or `/base/`."""
        self.user = user

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.close()

    def server_url(self, server: str = "") -> URL:
        """Where one of the user's servers stands, with its trailing slash."""
        return self.origin.with_path(
            f"{self.base}user/{self.user}/{server + '/' if server else ''}"
        )

    async def open_server(self, server: str = "") -> None:
        """Open the server's page as a browser would: the OAuth dance leaves its cookies here.

        Raises HubError when the chain of redirects does not end at the server.
        """
        url = self.server_url(server)
        async with answering(url), self.session.get(url, headers=NAVIGATE) as answer:
            if answer.status >= 400 or not answer.url.path.startswith(url.path):
                raise HubError(
                    f"{self.user}'s server did not open: {answer.status}",
                    where=" -> ".join(str(step.url) for step in (*answer.history, answer)),
                    hint=f"`hublab spawn {self.user}` first" if answer.status == 424 else None,
                )

    def xsrf(self, url: URL) -> dict[str, str]:
        """The header in which a page sends back its XSRF cookie."""
        cookie = self.session.cookie_jar.filter_cookies(url).get("_xsrf")
        return {**SAME_ORIGIN, "X-XSRFToken": cookie.value} if cookie else dict(SAME_ORIGIN)

    async def api(self, method: str, path: str, server: str = "", **options: Any) -> Any:
        """One call of the server's REST API with the page's credentials; raises HubError."""
        url = self.server_url(server) / "api" / path
        async with (
            answering(url),
            self.session.request(method, url, headers=self.xsrf(url), **options) as answer,
        ):
            text = await answer.text()
            if answer.status >= 400:
                raise HubError(
                    f"the server answered {answer.status}: {text[:500]}", where=f"{method} {url}"
                )
            return json.loads(text) if text else None

    @contextlib.asynccontextmanager
    async def kernel(self, server: str = "") -> AsyncIterator[Kernel]:
        """A fresh kernel on the user's server, ended when the block ends."""
        model = await self.api("POST", "kernels", server, json={})
        try:
            async with self.connect(model["id"], server) as kernel:
                yield kernel
        finally:
            with contextlib.suppress(HubError, aiohttp.ClientError, TimeoutError):
                await self.api("DELETE", f"kernels/{model['id']}", server)

    @contextlib.asynccontextmanager
    async def connect(self, kernel_id: str, server: str = "") -> AsyncIterator[Kernel]:
        """The WebSocket of a kernel that runs, through the proxy, as a page opens it."""
        url = self.server_url(server) / "api" / "kernels" / kernel_id / "channels"
        headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(self.origin)}
        try:
            async with self.session.ws_connect(url, headers=headers, max_msg_size=0) as socket:
                yield Kernel(socket, kernel_id)
        except aiohttp.WSServerHandshakeError as error:
            raise HubError(
                f"the WebSocket was refused: {error.status} {error.message}", where=str(url)
            ) from error


class Kernel:
    """A kernel's channels over one WebSocket (Jupyter messaging protocol 5, JSON framing)."""

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


async def sign_in(
    channel: Channel, origin: str, user: str, password: str, base: str = "/"
) -> Visitor:
    """Sign in by the hub's form, through the proxy, from the client host.

    `origin` is the proxy as the client host names it. Raises HubError when the hub refuses.
    """
    session = channel.session()
    visitor = Visitor(session, URL(origin), base, user)
    login = visitor.origin.with_path(f"{base}hub/login")
    try:
        async with session.get(login, headers=NAVIGATE) as page:
            await page.read()
        cookie = session.cookie_jar.filter_cookies(login).get("_xsrf")
        form = {"username": user, "password": password, "_xsrf": cookie.value if cookie else ""}
        async with session.post(
            login, data=form, headers=NAVIGATE, allow_redirects=False
        ) as answer:
            if answer.status != 302:
                raise HubError(f"{user} could not sign in: {answer.status}", where=f"POST {login}")
    except (aiohttp.ClientError, TimeoutError) as error:
        await session.close()
        raise HubError(f"the proxy did not answer: {in_words(error)}", where=str(login)) from error
    except BaseException:
        await session.close()
        raise
    return visitor
