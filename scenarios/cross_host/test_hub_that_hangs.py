"""A hub that accepts and stays silent: a server that starts waits for it, and says nothing at all.

Why it matters: a firewall that swallows answers, a load balancer without a backend or a hub that
hangs look alike from a node: the connection is there, and nothing comes. A hub that refuses is in
the server's log after a second; one that is silent is nowhere, neither on the node nor at the hub,
which only knows of a server that did not listen in time.

Sources:
- jupyterhub 6.1.1, singleuser/extension.py, `check_hub_version`: five attempts before the server
  listens, and a line in its log for each that fails; `fetch` has aiohttp's timeout of 300 s.
- JupyterHub documentation, `Spawner.start_timeout`: how long the hub waits for a start, within
  which SSHSpawner waits for the server to listen.
- jupyterhub#3351, batchspawner#186, #233: the server starts, and the hub never hears of it.
- A hub that refuses or is not the API: test_servers_hub_url.py.

Shortened: a start may take 30 s instead of 60 s. The place where nothing answers is the
port of another node's SSH server while that node is frozen: its kernel still accepts.
"""

from __future__ import annotations

import pytest

from hublab.scenario import HubError, LiveLab, diagnose, freeze, last_server_log, reach

OWN = "hub.Spawner.hub_connect_url"
SILENT = "http://node2:22"

pytestmark = pytest.mark.topology("lab")


@pytest.mark.finding(
    "A server whose hub accepts and does not answer waits for it without a line in its log",
    project="jupyterhub",
    steps="Spawner.hub_connect_url = a port that accepts and never answers; start a server and "
    "read its log when the hub has given it up.",
    expected="'Failed to connect to my Hub at … (attempt 1/5). Is it running?', as for a hub that "
    "refuses (singleuser/extension.py, check_hub_version).",
    seen="Nothing of the hub: fetch waits 300 s for each of the five attempts, aiohttp's default, "
    "and the server does not listen before. What its user reads is that it did not listen.",
)
@pytest.mark.matrix(OWN, [SILENT])
@pytest.mark.matrix("hub.Spawner.start_timeout", [30])
@pytest.mark.sabotage(OWN, "http://hub:8081")
async def test_only_a_probe_from_the_node_says_that_the_hub_hangs(lab: LiveLab) -> None:
    """Not the hub, and not the server; who asks from the node is told."""
    async with freeze(lab, "node2", seconds=120):
        with pytest.raises(HubError, match="the server did not listen in time"):
            await lab.spawn("alice", on="node1")
        log = await last_server_log(lab, "alice", "node1")
        hops = [hop for hop in diagnose(await reach(lab)) if hop.source == "node1" and not hop.ok]
    assert "Starting jupyterhub single-user server extension" in log
    assert "Failed to connect to my Hub" not in log
    assert SILENT not in await lab.hub_log()
    assert {(hop.setting, hop.layer) for hop in hops} == {(OWN, "TCP")}
