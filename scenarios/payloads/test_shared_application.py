"""An application that is shared with somebody else: how long a share is good, and large messages.

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
- configurable-http-proxy passes WebSockets on as bytes; tornado, `websocket_max_message_size`.
"""

from __future__ import annotations

import json

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import LiveLab, credentials

from .pages import cookies_of, visit
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


LARGE = 300 * 1024 * 1024


@pytest.mark.slow
@pytest.mark.sabotage(*EXTENSIONS)
async def test_a_message_of_300_mb(lab: LiveLab) -> None:
    """It goes to an application and back through the whole chain: nobody has a limit."""
    alice, server = await visit(lab, "alice")
    headers = {
        "Sec-Fetch-Mode": "websocket",
        "Origin": str(alice.origin),
        **cookies_of(alice, server),
    }
    url = place(alice) / "socket"
    async with (
        application(lab),
        alice.session.ws_connect(url, headers=headers, max_msg_size=0) as page,
    ):
        await page.receive_str()
        await page.send_str("x" * LARGE)
        assert len(await page.receive_str(timeout=120)) == LARGE
