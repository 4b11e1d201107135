"""Which pages an application behind a user's server takes: by tornado's version, by Host, by https.

Why it matters: an application works on one node and answers 403 on another that was set up a month
earlier. Both are right: since 6.6 tornado takes a WebSocket whose Origin is its Host before the
application is asked. Where a proxy rewrites Host, only a browser on https still has its word.

Sources:
- tornado documentation, "What's new in Tornado 6.6"; websocket.py, `WebSocketHandler.check_origin`:
  "No longer called for requests that can be determined to be same-origin"; `get`: before 6.6 that
  method alone; web.py, `_check_cross_origin`: Sec-Fetch-Site counts where it is sent.
- bokeh 3.9, server/views/ws.py, `check_origin`: the Host of Origin must be one of
  `--allow-websocket-origin`, by default localhost with the port; "Refusing websocket connection".
- jhsingle-native-proxy 0.8.3, proxyhandlers.py, `ws_get`: calls `check_origin` itself, whose
  default since 6.6 takes `trusted_origins` alone.
- configurable-http-proxy 5.3, README: `--change-origin`, the Host of the target.
- Fetch Metadata, 2.3: Sec-Fetch-Site is sent to trustworthy addresses, such as https.
"""

from __future__ import annotations

import re

import aiohttp
import pytest

from hublab.scenario import Case, File, LiveLab, Visitor

from .dashboards import PORT, dashboard
from .user_application import CODE

pytestmark = pytest.mark.slow  # an image for each node

CHANGED = "proxy.change-origin"
NEWER, OLDER = "newer", "older"
NODES = {NEWER: "node1", OLDER: "node2"}
TOKEN = re.compile(r'"token":"([^"]+)"')
ON_HTTPS = {"Sec-Fetch-Site": "same-origin"}
ALONE = [
    "/opt/jupyter/bin/jhsingle-native-proxy",
    "/opt/jupyter/bin/python",
    "/home/alice/application.py",
    "{port}",
]


def upgrade(visitor: Visitor, **more: str) -> dict[str, str]:
    return {"Sec-Fetch-Mode": "websocket", "Origin": str(visitor.origin).rstrip("/"), **more}


async def answers(visitor: Visitor, name: str, **more: str) -> bool:
    """Whether bokeh talks to its page: the first that it sends, and not the end."""
    at = visitor.server_url(name) / f"proxy/{PORT}/bokeh_{PORT}"
    async with visitor.session.get(at) as shown:
        assert shown.status == 200
        found = TOKEN.search(await shown.text())
    assert found
    headers = upgrade(visitor, **more)
    protocols = ("bokeh", found[1])
    async with visitor.session.ws_connect(at / "ws", protocols=protocols, headers=headers) as page:
        return (await page.receive(timeout=20)).type is aiohttp.WSMsgType.TEXT


@pytest.mark.topology("lab", "older-tornado")
@pytest.mark.matrix("server.ServerApp.allow_origin", ["*"])
@pytest.mark.matrix(CHANGED, [False, True])
async def test_pages_that_bokeh_takes(lab: LiveLab, case: Case) -> None:
    """The hub's own with the newer tornado, none with the older; none whose Host is rewritten.

    On https the browser's word helps there, with the newer tornado alone.
    """
    seen = {}
    for name, node in NODES.items():
        await lab.spawn("alice", name, on=node)
        alice = await lab.sign_in("alice")
        await alice.open_server(name)
        async with dashboard(lab, "bokeh", on=node):
            seen[name] = [await answers(alice, name), await answers(alice, name, **ON_HTTPS)]
    assert seen == {NEWER: [not case[CHANGED], True], OLDER: [False, False]}


@pytest.mark.topology("lab", "native-proxy")
@pytest.mark.finding(
    "With tornado 6.6 every WebSocket of a page is refused with 403",
    project="jhsingle-native-proxy",
    steps="c.Spawner.cmd = ['jhsingle-native-proxy', …] with tornado 6.6; sign in and open a "
    "WebSocket of the application from its own page.",
    expected="It opens, as with tornado 6.5.",
    seen="403: ws_get asks check_origin, which since 6.6 takes `trusted_origins` alone, because "
    "tornado compares Origin with Host before it.",
)
@pytest.mark.matrix("hub.Spawner.cmd", [ALONE])
@pytest.mark.matrix(CHANGED, [False, True])
async def test_pages_that_a_native_proxy_takes(lab: LiveLab, case: Case) -> None:
    """jhsingle-native-proxy the other way round: the hub's own page with the older tornado alone,
    and none whose Host is rewritten.
    """
    seen = {}
    for name, node in NODES.items():
        await lab.put_files(node, "/home/alice", [File("application.py", CODE)])
        await lab.spawn("alice", name, on=node)
        alice = await lab.sign_in("alice")
        await alice.open_server(name)
        url = alice.server_url(name) / "socket"
        try:
            async with alice.session.ws_connect(url, headers=upgrade(alice)) as page:
                await page.receive_str()
                seen[name] = 101
        except aiohttp.WSServerHandshakeError as refused:
            seen[name] = refused.status
    assert seen == {NEWER: 403, OLDER: 403 if case[CHANGED] else 101}
