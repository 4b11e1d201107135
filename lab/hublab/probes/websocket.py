"""One WebSocket from the client host through the proxy: the upgrade, and the first frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from hublab.errors import Undecided, UsageError, in_words
from hublab.journal.redaction import Redactor
from hublab.probes.credentials import Credentials
from hublab.probes.observation import observing
from hublab.running.live import LiveLab

DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
UPGRADE_TIMEOUT = 30.0
HEALTH_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; `t` in seconds since the upgrade."""

    t: float
    kind: str
    data: str | bytes


@dataclass(frozen=True, slots=True)
class Conversation:
    """The answer to the upgrade, and what came after it."""

    status: int
    url: str
    headers: tuple[tuple[str, str], ...]
    frames: tuple[Frame, ...] = ()
    closed: int | None = None
    """The code with which the other side closed, None while it was open."""


async def converse(
    live: LiveLab,
    path: str,
    headers: Sequence[tuple[str, str]],
    who: Credentials,
    *,
    say: Sequence[str] = (),
    frames: int = 5,
    seconds: float = 5.0,
) -> Conversation:
    """Ask for an upgrade and read until `frames` messages came or `seconds` are over.

    A refusal is an answer too. Raises UsageError for a path that is none, Undecided when
    nobody answers.
    """
    asked = {"path": path, "headers": Redactor(()).headers(headers), "messages": len(say)}
    with observing(live, "websocket", asked, secrets=who.secrets) as saw:
        found = await open_and_listen(live, path, headers, who, say, frames, seconds)
        saw(without_content(found))
        return found


def without_content(seen: Conversation) -> dict[str, object]:
    """What of a conversation can be written down: of messages their kind, time and size."""
    frames = [{"t": one.t, "kind": one.kind, "size": len(one.data)} for one in seen.frames]
    headers = Redactor(()).headers(seen.headers)
    return {"status": seen.status, "headers": headers, "frames": frames, "closed": seen.closed}


async def open_and_listen(
    live: LiveLab,
    path: str,
    headers: Sequence[tuple[str, str]],
    who: Credentials,
    say: Sequence[str],
    frames: int,
    seconds: float,
) -> Conversation:
    """Ask for the upgrade, speak, and read."""
    if not path.startswith("/"):
        raise UsageError(f"{path!r} is no path", where="PATH", hint=f"/{path}")
    url = URL(f"{str(live.origin).rstrip('/')}{path}", encoded=True)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=UPGRADE_TIMEOUT)
    answered: list[tuple[str, str]] = []
    options = {"timeout": timeout, "cookie_jar": who.jar, "trace_configs": [noting(answered)]}
    async with live.channel.session(**options) as session:
        sent = [*who.headers.items(), *headers]
        try:
            async with session.ws_connect(url, headers=sent, max_msg_size=0) as socket:
                for text in say:
                    await socket.send_str(text)
                found, closed = await listen(socket, frames, seconds)
        except aiohttp.WSServerHandshakeError as refusal:
            return Conversation(refusal.status, str(url), tuple(answered))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, aiohttp.ServerDisconnectedError) and await answers(session, url):
                raise Undecided(
                    "the other end closed the connection without an answer to the upgrade; "
                    "the server may not be running",
                    where=f"{url}, from the client host",
                    hint="`hublab ps` lists the servers that run",
                ) from error
            raise Undecided(
                f"the proxy does not answer: {in_words(error)}",
                where=f"{url}, from the client host",
                hint="`hublab reach` says which hop is broken",
            ) from error
    return Conversation(101, str(url), tuple(answered), tuple(found), closed)


async def answers(session: aiohttp.ClientSession, url: URL) -> bool:
    """Whether the proxy answers requests, so that it was an upgrade that it closed.

    configurable-http-proxy 5.3 may close one for a server that does not run. A proxy that is gone
    looks the same from the client host.
    """
    health = url.origin() / "_chp_healthz"  # any answer will do, also from what stands in front
    try:
        async with session.get(health, timeout=aiohttp.ClientTimeout(total=HEALTH_TIMEOUT)):
            return True
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def noting(headers: list[tuple[str, str]]) -> aiohttp.TraceConfig:
    """Notes the headers of the answer, which a WebSocket of aiohttp does not keep."""

    async def note(session: Any, context: Any, end: aiohttp.TraceRequestEndParams) -> None:
        headers[:] = [(str(name), str(value)) for name, value in end.response.headers.items()]

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    return trace


async def listen(
    socket: aiohttp.ClientWebSocketResponse, frames: int, seconds: float
) -> tuple[list[Frame], int | None]:
    """Messages until there are enough, time is over, or the other side closes."""
    begun = time.monotonic()
    found: list[Frame] = []
    try:
        async with asyncio.timeout(seconds):
            while len(found) < frames:
                message = await socket.receive()
                if message.type not in DATA:
                    return found, socket.close_code
                kind = message.type.name.lower()
                found.append(Frame(round(time.monotonic() - begun, 3), kind, message.data))
    except TimeoutError:
        pass
    return found, None
