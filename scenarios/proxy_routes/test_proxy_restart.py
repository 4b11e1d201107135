"""A proxy of its own that restarts has forgotten everything; the hub notices at its next check.

Why it matters: with the proxy on another host each is restarted alone. All servers go on running
and nobody reaches any of them, nor the hub, for up to `last_activity_interval`: five minutes by
default, and for ever with 0, which reads as if it switched off a statistic.

Sources:
- configurable-http-proxy 5.3, lib/store.js, `MemoryStore`: routes are kept in memory alone.
- jupyterhub/app.py, `start` and `update_last_activity`: `check_routes` runs once at the hub's
  start and at the end of each `update_last_activity`, a callback that exists only
  `if self.last_activity_interval`.
- jupyterhub/apihandlers/proxy.py, `ProxyAPIHandler.post`: "Can be used to jumpstart a newly
  launched proxy without waiting for the check_routes interval."
- jupyterhub#2000 (open): a request for a server that runs could trigger the check; it does not.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, Case, LiveLab, Undecided, ask, credentials, proxy_routes, until

INTERVAL = "hub.JupyterHub.last_activity_interval"
WINDOW = 8.0
"""Seconds in which nothing may be mended: several of the short intervals, few of a test."""

pytestmark = pytest.mark.topology("lab")


async def specs(lab: LiveLab) -> set[str]:
    """The paths that the proxy has a route for."""
    return {route.spec for route in await proxy_routes(lab)}


async def restart_proxy(lab: LiveLab) -> None:
    """As a crash and a service manager do; the proxy's host stays, and so do hub and servers."""
    proxy = lab.one("proxy").service
    await lab.programs.kill(proxy)
    await until(lambda: is_down(lab, proxy), what="the proxy's end")
    await lab.programs.start(proxy)
    await lab.programs.until_ready(proxy)


async def is_down(lab: LiveLab, host: str) -> bool:
    return not (await lab.programs.status(host)).up


async def repaired(lab: LiveLab, seconds: float) -> bool:
    """Whether the proxy has the routes of the hub and of alice again within that time."""

    async def both() -> bool:
        return {"/", "/user/alice"} <= await specs(lab)

    try:
        return await until(both, seconds=seconds, what="both routes")
    except Undecided:
        return False


@pytest.mark.matrix(INTERVAL, [3, 300, 0])
@pytest.mark.issue(
    "jupyterhub#2000",
    "jupyterhub#4369",
    happens=True,
    workaround="after a restart of the proxy, POST /hub/api/proxy at the hub's own API address "
    "(port 8081; the public URL answers 404 then), or a shorter last_activity_interval",
)
@pytest.mark.finding(
    "last_activity_interval = 0 also switches off the repair of routes",
    project="jupyterhub",
    steps="A proxy that runs by itself, last_activity_interval = 0; start a server; restart the "
    "proxy.",
    expected="The hub mends the proxy's table at some interval; the help of the setting is "
    "'Interval (in seconds) at which to update last-activity timestamps' and names no routes.",
    seen="No route comes back, not even that of the hub, until POST /hub/api/proxy at the hub's "
    "own address or a restart of the hub: app.py runs check_routes only at the end of "
    "update_last_activity.",
)
async def test_only_a_check_brings_the_routes_back(lab: LiveLab, case: Case) -> None:
    """404 for every page after a proxy restart: asking again does not end it, a check does."""
    interval = int(str(case[INTERVAL]))
    await lab.spawn("alice", on="node1")
    alice = await lab.enter(credentials(lab, "alice", token=True))
    call = Ask("/user/alice/api/status")
    assert (await ask(lab, call, alice)).status == 200

    await restart_proxy(lab)
    if not 0 < interval < WINDOW:
        assert await specs(lab) == set()
        assert (await ask(lab, call, alice)).status == 404
        assert (await ask(lab, Ask("/hub/login"), alice)).status == 404
        assert (await ask(lab, Ask("/hub/api/proxy", "POST"), alice)).status == 404
    assert await repaired(lab, WINDOW * 3 if 0 < interval < WINDOW else WINDOW) == (
        0 < interval < WINDOW
    )
    await (await lab.hub()).check_routes()
    assert {"/", "/user/alice"} <= await specs(lab)
    assert (await ask(lab, call, alice)).status == 200


@pytest.mark.slow
@pytest.mark.sabotage(INTERVAL, 0)
async def test_by_default_the_routes_are_back_in_300_seconds(lab: LiveLab) -> None:
    """Unshortened: with the default of 300 s the routes are back within that time and a bit."""
    await lab.spawn("alice", on="node1")
    await restart_proxy(lab)
    assert await specs(lab) == set()
    assert await repaired(lab, 330)
