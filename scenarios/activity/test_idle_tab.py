"""A page that is open and does nothing keeps its server active, for the proxy alone.

Why it matters: people close their laptops, not their pages. The server knows that nothing
happens; the proxy, on another host, sees the page answer the server's pings and takes it for work,
and the hub goes by the later of the two. So a server that nobody uses is never culled.

Sources:
- jupyter_server 2.21, base/websocket.py, `WS_PING_INTERVAL`: each kernel's and terminal's
  WebSocket is pinged every 30 s, not if `ws_ping_interval` is 0; a browser answers by itself.
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxy`: data that a client sends.
- jupyterhub-idle-culler's README, "Caveats": the timeout must be greater than the sum of the ping
  interval and last_activity_interval.
- nebari-dev/nebari#974, 2i2c-org/infrastructure#2232, jupyterhub#3099: never culled.

Shortened: a ping each second instead of each half minute.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import Case, LiveLab, last_activity

from .kernels_and_pages import new_kernel, new_terminal, open_page, pings, visit

SETTINGS = "server.ServerApp.tornado_settings"
SETTLE, QUIET = 0.5, 3.0
"""Seconds: for what was done before, and three times the interval of the pings."""

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.JupyterHub.last_activity_interval", [0]),
    pytest.mark.matrix("hub.Spawner.environment", [{"JUPYTERHUB_ACTIVITY_INTERVAL": "0"}]),
    pytest.mark.matrix(SETTINGS, [pings(0), pings(1000)]),
]


@pytest.mark.issue(
    "nebari-dev/nebari#974",
    happens=True,
    workaround="last_activity_interval = 0, or ws_ping_interval = 0",
)
async def test_only_the_proxy_takes_an_open_page_for_work(lab: LiveLab, case: Case) -> None:
    """Never culled: open pages of kernel, terminal, events; the server's pings move the proxy."""
    server = await lab.spawn("alice", on="node1")
    times = await last_activity(lab, server)
    alice = await visit(lab, "alice")
    kernel = await new_kernel(alice)
    pinged = {"proxy"} if case[SETTINGS] == pings(1000) else set[str]()
    expected: dict[str, set[str]] = {
        f"api/kernels/{kernel}/channels": pinged,
        f"terminals/websocket/{await new_terminal(alice)}": pinged,
        "api/events/subscribe": set(),  # services/events/handlers.py: no WebSocketMixin
    }
    found = {}
    for path in expected:
        async with open_page(alice, path):
            await asyncio.sleep(SETTLE)
            before = await times.read()
            await asyncio.sleep(QUIET)
            found[path] = set((await times.read()).moved_since(before))
    assert found == expected
