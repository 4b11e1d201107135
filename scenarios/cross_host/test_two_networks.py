"""A node that the hub reaches and the proxy does not: the server is ready, and nobody gets there.

Why it matters: the hub tries each new server itself and calls it ready. Users come through the
proxy, which may stand on another network. Then every spawn succeeds, and every page hangs.

Sources:
- jupyterhub/user.py, `_wait_up`: it is the hub that asks the server, at the address that the
  spawner returned; jupyterhub/proxy.py, `add_user`: the proxy is given the same address untried.
- configurable-http-proxy 5.3, README: no timeout unless `--proxy-timeout` is set.
- `SSHSpawner.transport = "tunnel"`: hub and proxy get a port on the hub's host, which both reach.
"""

from __future__ import annotations

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import (
    NAVIGATE,
    PATIENCE,
    Case,
    LiveLab,
    Visitor,
    diagnose,
    proxy_routes,
    reach,
)

TRANSPORT = "hub.SSHSpawner.transport"
SILENCE = 4.0
"""Seconds without an answer that are taken for silence: a server answers in milliseconds."""

pytestmark = [
    pytest.mark.topology("lab", "twonets"),
    pytest.mark.matrix("hub.SSHSpawner.tunnel_bind_ip", ["0.0.0.0"]),
    pytest.mark.matrix("hub.SSHSpawner.tunnel_connect_ip", ["hub"]),
]


async def opens(visitor: Visitor, seconds: float) -> bool:
    """Whether the user's server answers through the proxy; not: silence, or the proxy's 503."""
    patience = aiohttp.ClientTimeout(total=seconds)
    url = visitor.server_url()
    try:
        async with visitor.session.get(url, headers=NAVIGATE, timeout=patience) as page:
            assert page.status in (200, 503)
            return page.status == 200
    except TimeoutError:
        return False


@pytest.mark.matrix(TRANSPORT, ["direct", "tunnel"])
async def test_a_ready_server_is_of_no_use_without_the_proxys_way(lab: LiveLab, case: Case) -> None:
    """Ready either way; a user gets there only by the hub's host. `reach` names the broken hop."""
    direct = case[TRANSPORT] == "direct"
    assert (await lab.spawn("alice", on="far1")).ready
    (route,) = [route for route in await proxy_routes(lab) if route.user]
    assert URL(route.target).host == (lab.host("far1").address if direct else "hub")
    visitor = await lab.sign_in("alice")
    assert await opens(visitor, SILENCE if direct else PATIENCE) == (not direct)
    broken = [(hop.source, hop.target) for hop in diagnose(await reach(lab)) if not hop.ok]
    proxy = lab.one("proxy").service
    assert broken == ([(proxy, "alice's server")] if direct else [])
    still = await lab.server("alice")
    assert still is not None
    assert still.ready
