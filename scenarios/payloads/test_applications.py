"""Applications behind a user's server: what they see, who may open them, what keeps them awake.

Why it matters: a dashboard on a node is one address away from everybody who may read its owner's
server. It is told a prefix by headers that its WebSockets do not have, its events are held back
unless the client asks for nothing but events, and a page of events that somebody once opened keeps
the server from ever being idle.

Sources:
- jupyter-server-proxy 4.6, handlers.py: `_build_proxy_request` (X-Forwarded-Prefix, not for
  WebSockets), `get_client_uri` (`absolute_url`), `select_subprotocol` ("selecting the first"),
  `proxy` (progressive if Accept is "text/event-stream", else buffered), `prepare` ("Enforce
  authentication on *all* requests"), `_record_activity`; `_proxy_progressive` has no on_connection_
  close.
- jupyterhub documentation, "Scopes", `access:servers!user=`: all of the server.
- configurable-http-proxy 5.3, lib/configproxy.js: `xfwd`, and the Host of the request is kept.
- terminado, management.py: a terminal keeps the end of what it has said for who connects next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import (
    NAVIGATE,
    Case,
    LiveLab,
    Server,
    Undecided,
    Visitor,
    credentials,
    last_activity,
    last_server_log,
    until,
)

from .pages import cookies_of, direct, visit
from .user_application import application, place

pytestmark = pytest.mark.topology("lab", "payloads")

HELD = 3.0
"""Seconds in which no byte of an answer comes. What is not held back comes within 0.1 s."""
EVENTS = "text/event-stream"
ACTIVITY = "hub.JupyterHub.last_activity_interval"
ROLES = "hub.JupyterHub.load_roles"
GIVEN = ["_xsrf", "jupyterhub-session-id", "jupyterhub-user-alice"]
"""The cookies whose path is the server's or above it (RFC 6265, 5.1.4): the session's is "/"."""
READER = {"name": "reader", "users": ["bob"], "scopes": ["access:servers!user=alice"]}


async def get(visitor: Visitor, url: URL, **headers: str) -> tuple[int, str]:
    """One request, with the cookies of the page."""
    async with visitor.session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


def names_in(cookies: str) -> list[str]:
    """The names in a header Cookie."""
    return sorted(part.partition("=")[0] for part in cookies.split("; "))


async def echo(visitor: Visitor, url: URL) -> dict[str, Any]:
    """What the application sees of a request."""
    status, text = await get(visitor, url)
    assert status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found


@contextlib.asynccontextmanager
async def socket(
    visitor: Visitor, *protocols: str, owner: str = "alice"
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket that a page opens to the application."""
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(visitor.origin)}
    url = place(visitor, owner) / "socket"
    async with visitor.session.ws_connect(url, protocols=protocols, headers=headers) as found:
        yield found


@pytest.mark.issue("jupyter-server-proxy#459", happens=True, workaround="offer one subprotocol")
@pytest.mark.sabotage("proxy.change-origin", True)
async def test_what_an_application_sees(lab: LiveLab) -> None:
    """The browser's Host, the path without its prefix, which a header has: not for WebSockets.

    It gets the cookies of its owner's server and the session's, and not those of the hub's pages,
    and no name of the visitor, which the server's `/api/me` tells. The browser is promised the
    first subprotocol whatever the application takes.
    """
    alice, _ = await visit(lab, "alice")
    prefix = place(alice).path
    async with application(lab):
        seen = await echo(alice, (place(alice) / "a/b").with_query(c="d e"))
        assert seen["path"] == "/a/b?c=d+e"
        headers = seen["headers"]
        assert headers["Host"] == str(alice.origin).removeprefix("http://").rstrip("/")
        assert headers["X-Forwarded-Prefix"] == headers["X-Forwarded-Context"] == prefix
        assert names_in(headers["Cookie"]) == GIVEN
        assert not [name for name in headers if "user" in name.lower() and name != "User-Agent"]
        assert "alice" not in headers.values()
        assert (await alice.api("GET", "me"))["identity"]["username"] == "alice"
        seen = await echo(alice, place(alice, absolute=True) / "a")
        assert seen["path"] == f"{place(alice, absolute=True).path}/a"
        assert "X-Forwarded-Prefix" not in seen["headers"]
        async with socket(alice, "first", "second") as page:
            seen = json.loads(await page.receive_str())
            assert (page.protocol, seen["subprotocol"]) == ("first", "second")
            assert seen["path"] == "/socket"
            assert seen["headers"]["Host"] == headers["Host"]
            assert "X-Forwarded-Prefix" not in seen["headers"]
            assert names_in(seen["headers"]["Cookie"]) == GIVEN
            await page.send_str("and back")
            assert await page.receive_str() == "and back"
    assert "became different than for client/proxy" in await last_server_log(lab, "alice", "node1")


@pytest.mark.matrix(ROLES, [[], [READER]])
async def test_who_may_open_it(lab: LiveLab, case: Case) -> None:
    """Nobody without a sign-in, nor another user, until one scope gives him all of the server."""
    alice, _ = await visit(lab, "alice")
    await (await lab.hub()).ensure_user("bob")
    html = {**NAVIGATE, "Accept": "text/html"}
    api = alice.origin.with_path("/user/alice/api/contents")
    async with (
        application(lab),
        lab.channel.session() as nobody,
        credentials(lab, "bob", token=True) as token,
        lab.channel.session(headers=token.headers) as bob,
    ):
        async with nobody.get(place(alice), headers=html, allow_redirects=False) as answer:
            assert answer.status == 302
            assert "/hub/api/oauth2/authorize" in answer.headers["Location"]
        upgrades: list[int] = []
        statuses: list[int] = []
        for session in (nobody, bob):
            try:
                async with socket(Visitor(session, alice.origin, alice.base, "")) as page:
                    assert await page.receive_str()
                    upgrades.append(101)
            except aiohttp.WSServerHandshakeError as refused:
                upgrades.append(refused.status)
        for url in (place(alice) / "echo", api):
            async with bob.get(url, allow_redirects=False) as answer:
                statuses.append(answer.status)
    if case[ROLES]:
        assert (upgrades, statuses) == ([403, 101], [200, 200])
    else:
        assert (upgrades, statuses) == ([403, 403], [403, 403])


async def first_bytes(visitor: Visitor, url: URL, accept: str) -> bytes:
    """What comes of the stream before its second event is due; then all of it is read."""
    headers = {"Accept": accept}
    asking = asyncio.create_task(visitor.session.get(url / "events", headers=headers).__aenter__())
    done, _ = await asyncio.wait({asking}, timeout=HELD)
    first = b""
    if done:
        first = await asyncio.wait_for(asking.result().content.readuntil(b"\n\n"), HELD)
    assert await get(visitor, url / "go") == (200, "")
    async with await asking as answer:
        rest = await answer.read()
    assert first + rest == b"data: first\n\ndata: last\n\n"
    return first


@pytest.mark.issue(
    "jupyter-server-proxy#502", happens=True, workaround="Accept: text/event-stream, alone"
)
@pytest.mark.sabotage("server.ServerApp.jpserver_extensions", {"jupyter_server_proxy": False})
async def test_events_as_they_come(lab: LiveLab) -> None:
    """At once for a client that accepts events and nothing else; for others all at the end."""
    alice, _ = await visit(lab, "alice")
    async with application(lab):
        seen = {
            accept: await first_bytes(alice, place(alice), accept)
            for accept in (EVENTS, f"application/json, {EVENTS}", "*/*")
        }
    assert seen == {
        EVENTS: b"data: first\n\n",
        f"application/json, {EVENTS}": b"",
        "*/*": b"",
    }


async def watchers(lab: LiveLab, visitor: Visitor) -> int:
    """How many streams the application believes that somebody reads."""
    return int((await get(visitor, place(visitor) / "watching"))[1])


async def moves_by_itself(lab: LiveLab, server: Server) -> bool:
    """Whether the server becomes active while nobody asks anything of it."""
    times = await last_activity(lab, server)
    before = await times.read()

    async def moved() -> bool:
        return "server" in (await times.read()).moved_since(before)

    try:
        return await until(moved, what="activity", seconds=HELD)
    except Undecided:
        return False


@pytest.mark.finding(
    "A server is active for ever once somebody has looked at a stream of events",
    project="jupyter-server-proxy",
    steps="An application that sends an event now and then; open its stream with Accept: "
    "text/event-stream, close the page; GET /api/status of the server.",
    expected="The application's stream is closed as the page was, as its WebSockets are "
    "(handlers.py, on_close), and last_activity stands still.",
    seen="The application goes on sending to jupyter-server-proxy, and last_activity moves with "
    "each event: _proxy_progressive does not look whether its client is still there, for 7,200 s. "
    "(An event that is sent in the very moment of the close ends it, with 599.)",
)
@pytest.mark.sabotage("server.ServerApp.jpserver_extensions", {"jupyter_server_proxy": False})
async def test_what_keeps_a_server_awake(lab: LiveLab) -> None:
    """A WebSocket that says nothing does not; a stream does, and also when its page is closed."""
    alice, server = await visit(lab, "alice")
    async with application(lab):
        async with socket(alice) as page:
            await page.receive_str()
            assert not await moves_by_itself(lab, server)
        headers = {"Accept": EVENTS}
        async with alice.session.get(place(alice) / "endless", headers=headers) as stream:
            await stream.content.readuntil(b"\n\n")
            assert await watchers(lab, alice) == 1
            assert await moves_by_itself(lab, server)
        assert await moves_by_itself(lab, server)
        assert await watchers(lab, alice) == 1

    async def stands_still() -> bool:
        return not await moves_by_itself(lab, server)

    # The stream ends with the application, and its end is activity once more.
    await until(stands_still, what="no activity once the application is gone")


@contextlib.asynccontextmanager
async def terminal(
    visitor: Visitor, server: Server, name: str, at: URL | None = None
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A page that shows a terminal."""
    url = visitor.server_url() / "terminals" / "websocket" / name
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(at or visitor.origin)}
    if at:
        headers |= cookies_of(visitor, server)
        url = at.with_path(url.path)
    async with visitor.session.ws_connect(url, headers=headers) as found:
        yield found


async def until_shown(page: aiohttp.ClientWebSocketResponse, words: str) -> str:
    """What a terminal shows until it shows this."""
    shown = ""
    async with asyncio.timeout(20):
        while words not in shown:
            kind, *rest = await page.receive_json()
            shown += rest[0] if kind == "stdout" else ""
    return shown


@pytest.mark.sabotage("server.ServerApp.terminals_enabled", False)
async def test_a_terminal_that_outlives_its_page(lab: LiveLab) -> None:
    """It runs on, and whoever opens it next sees what it has said, unlike with a kernel."""
    alice, server = await visit(lab, "alice")
    name = (await alice.api("POST", "terminals", json={}))["name"]
    async with terminal(alice, server, name) as page:
        await page.send_json(["stdin", "echo $((6*7)) $(hostname); sleep 1; echo don''e\r"])
        await until_shown(page, "42 node1")
    for at in (None, direct(server)):
        async with terminal(alice, server, name, at) as page:
            shown = await until_shown(page, "done")
            assert "42 node1" in shown
