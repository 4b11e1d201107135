"""An application that is shared with somebody else: how long a share is good, and long messages.

Why it matters: an owner shares her server for an hour, and takes the share back. Whoever has the
page open by then goes on, for nobody asks again, and so does whoever the server has asked the hub
about in the last five minutes.

Sources:
- jupyterhub documentation, "Sharing access to user servers": `POST /hub/api/shares/OWNER/SERVER`,
  `PATCH` takes back; a share gives access to the server, and so to what runs in it.
- jupyterhub 6.1, services/auth.py, `HubAuth.cache_max_age`: 300 s.
- jupyter-server-proxy 4.6, handlers.py, `prepare`: authentication when a WebSocket is opened;
  websocket.py: `compression_options` of the way to the application; tornado, websocket.py,
  `get_compression_options`: none by default. RFC 7692, 5.1.
- configurable-http-proxy passes WebSockets on as bytes. tornado documentation, `WebSocketHandler`:
  "websocket_max_message_size application setting (default 10MiB) will not be accepted";
  jupyter-server-proxy 4.6, websocket.py: tornado's default on the way to the application.
"""

from __future__ import annotations

import json

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, Visitor, credentials

from .pages import cookies_of, visit, while_sending
from .user_application import application, place

pytestmark = pytest.mark.topology("lab", "payloads")

EXTENSIONS = ("server.ServerApp.jpserver_extensions", {"jupyter_server_proxy": False})
SHARE = {"user": "bob", "scopes": ["access:servers!server=alice/"]}


async def status(session: aiohttp.ClientSession, url: URL) -> int:
    async with session.get(url, allow_redirects=False) as answer:
        return answer.status


@pytest.mark.sabotage(*EXTENSIONS)
async def test_a_share_that_is_taken_back(lab: LiveLab) -> None:
    """An open WebSocket goes on, and a token that the server has asked about; a new one is 403."""
    alice, _ = await visit(lab, "alice")
    await (await lab.hub()).ensure_user("bob")
    url, shares = place(alice), lab.origin / "hub/api/shares/alice/"
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(alice.origin)}
    async with (
        application(lab),
        credentials(lab, "admin", token=True) as owner,
        credentials(lab, "bob", token=True) as early,
        credentials(lab, "bob", token=True) as late,
        lab.channel.session(headers=owner.headers) as admin,
        lab.channel.session(headers=early.headers) as bob,
        lab.channel.session(headers=late.headers) as later,
    ):
        async with admin.post(shares, json=SHARE) as answer:
            assert answer.status == 200
        assert await status(bob, url) == 200
        async with bob.ws_connect(url / "socket", headers=headers) as page:
            seen = json.loads(await page.receive_str())
            assert not [one for one in seen["headers"].values() if "bob" in one]
            async with admin.patch(shares, json=SHARE) as answer:
                assert answer.status == 200
            await page.send_str("still here")
            assert await page.receive_str() == "still here"
            assert await status(bob, url) == 200
            assert await status(later, url) == 403


@pytest.mark.sabotage(*EXTENSIONS)
async def test_compression_of_messages(lab: LiveLab) -> None:
    """The browser's offer is refused, and the application is offered it in its place."""
    alice, _ = await visit(lab, "alice")
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(alice.origin)}
    async with (
        application(lab),
        alice.session.ws_connect(place(alice) / "socket", headers=headers, compress=15) as page,
    ):
        seen = json.loads(await page.receive_str())["headers"]
        assert page.compress == 0
        assert "permessage-deflate" in seen["Sec-WebSocket-Extensions"]


MiB = 1024 * 1024
LIMIT, LARGE = 10 * MiB, 300 * MiB
USUAL, RAISED = "snippets/usual_messages.py", "snippets/long_messages.py"


@pytest.mark.slow
@pytest.mark.matrix("server.snippet", [USUAL, RAISED])
async def test_how_long_a_message_may_be(lab: LiveLab, case: Case) -> None:
    """10 MiB, which is tornado's limit in the server; more ends the page's connection.

    The proxy has none: with the server's limit raised 300 MiB go to an application and back.
    """
    alice, server = await visit(lab, "alice")
    headers = {
        "Sec-Fetch-Mode": "websocket",
        "Origin": str(alice.origin),
        **cookies_of(alice, server),
    }
    url = place(alice) / "socket"
    async with application(lab):
        returned = {
            size: await comes_back(alice, url, headers, size) for size in (LIMIT, LIMIT + 1)
        }
        if raised := "long_messages" in str(case["server.snippet"]):
            assert await comes_back(alice, url, headers, LARGE)
    assert returned == {LIMIT: True, LIMIT + 1: raised}


async def comes_back(visitor: Visitor, url: URL, headers: dict[str, str], size: int) -> bool:
    """Whether a message of a size goes to the application and back, or ends the connection."""
    connecting = visitor.session.ws_connect(url, headers=headers, max_msg_size=0)
    async with connecting as page:
        await page.receive_str()
        async with while_sending(page.send_str("x" * size)):
            answer = await page.receive(timeout=120)
        return answer.type is aiohttp.WSMsgType.TEXT and len(answer.data) == size
