"""`hub_connect_ip` at loopback: the hub starts, and nobody else finds it.

Why it matters: on one machine 127.0.0.1 works for everybody, so the setting is easily carried
over. On several hosts it sends the proxy and every server to themselves, while the hub reports
that it is running.

Sources:
- JupyterHub documentation, "Networking basics": `hub_connect_ip` is the address that proxy and
  spawners use to reach the hub; it must be one that they can reach.
- jupyterhub/proxy.py, `add_hub_route`: the route `/` targets `hub.host`, which is made from it.
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxyError`: a target that refuses is
  503, with a page from `--error-target`.
- jupyterhub/singleuser/extension.py, `check_hub_version`: five attempts with pauses of 2, 4, 8,
  16 and 16 s, then exit code 1; nothing is served before that ends.
- `SSHSpawner.preflight_hub_check`: the node tries the hub before it starts a server.

Finding: the proxy's 503 is a page that the hub itself made, for the error target names the hub
in another way. The hub answers, in effect, that the hub cannot be reached.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.errors import HubError
from hublab.live import LiveLab
from hublab.matrix import Case
from hublab.probes.node_log import last_server_log
from hublab.probes.reach import reach
from hublab.probes.waiting import until

CONNECT = "hub.JupyterHub.hub_connect_ip"
API = "http://127.0.0.1:8081/hub/api"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.matrix(CONNECT, ["hub", "127.0.0.1"])
async def test_who_still_finds_the_hub(lab: LiveLab, case: Case) -> None:
    """With a name that all resolve everything works; at loopback only the hub's own host does."""
    lost = case[CONNECT] == "127.0.0.1"

    async with lab.channel.session() as session, session.get(lab.origin / "hub/login") as page:
        assert page.status == (503 if lost else 200)
        assert "<title>JupyterHub</title>" in await page.text()  # the hub's page, either way

    if lost:
        with pytest.raises(HubError, match=f"cannot reach the hub at {API}.*refused"):
            await lab.spawn("alice", on="node1")
    else:
        assert (await lab.spawn("alice", on="node1")).ready

    broken = [hop for hop in await reach(lab) if not hop.ok]
    assert {hop.source for hop in broken} == ({"proxy", "node1", "node2"} if lost else set())
    assert {hop.setting for hop in broken} == ({CONNECT} if lost else set())
    assert {(hop.url, hop.error) for hop in broken} <= {(API, "Connection refused")}


@pytest.mark.matrix(CONNECT, ["127.0.0.1"])
@pytest.mark.matrix("hub.SSHSpawner.preflight_hub_check", [False])
async def test_what_the_server_itself_says(lab: LiveLab) -> None:
    """Without a check on the node the reason stands only in the server's log over there.

    The hub sees a spawn that takes long. Its end is not awaited here: see the slow test below.
    """
    spawning = asyncio.create_task(lab.spawn("alice", on="node1"))

    async def first_attempt() -> str:
        log = await last_server_log(lab, "alice", "node1")
        return log if "(attempt 1/5)" in log else ""

    try:
        log = await until(first_attempt, seconds=60, what="the server's first attempt in its log")
        assert f"Failed to connect to my Hub at {API} (attempt 1/5). Is it running?" in log
        assert "is running at" not in log  # what it says once it listens
        server = await lab.server("alice")
        assert server is not None
        assert not server.ready
    finally:
        spawning.cancel()
        await asyncio.gather(spawning, return_exceptions=True)


@pytest.mark.slow
@pytest.mark.matrix(CONNECT, ["127.0.0.1"])
@pytest.mark.matrix("hub.SSHSpawner.preflight_hub_check", [False])
async def test_how_long_the_server_tries(lab: LiveLab) -> None:
    """Unshortened: the server pauses 2 + 4 + 8 + 16 + 16 s and ends with exit code 1."""
    with pytest.raises(HubError, match="did not start"):
        await lab.spawn("alice", on="node1")
    log = await last_server_log(lab, "alice", "node1")
    assert [f"(attempt {number}/5)" in log for number in range(1, 7)] == [True] * 5 + [False]
