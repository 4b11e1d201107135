"""`hub_ip` beside `hub_connect_ip`: the hub listens where it is to be called, not where it is told.

Why it matters: with several hosts both are set, the one to keep the hub off an interface, the
other to give out a name. Who binds the hub to loopback behind a proxy on the same host, and also
names it for the nodes, has a hub that the whole network can reach.

Sources:
- JupyterHub documentation, `JupyterHub.hub_ip`: "The ip address for the Hub process to *bind* to".
- jupyterhub 6.1.1, objects.py, `Server.bind_url_default`: "Never used in APIs, only logging"; it
  is `url`, made from `connect_ip`, unless `ip` means every address. But app.py, `start`, takes the
  address to listen on from that very `bind_url`.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, LiveLab, diagnose, listening, reach

IP = "hub.JupyterHub.hub_ip"
CONNECT = "hub.JupyterHub.hub_connect_ip"
BIND_URL = "hub.JupyterHub.hub_bind_url"

pytestmark = pytest.mark.topology("lab")


async def hub_addresses(lab: LiveLab) -> set[str]:
    """Where the hub's API listens, by the kernel of its host."""
    return {s.address for s in await listening(lab, "hub") if s.port == 8081}


@pytest.mark.finding(
    "hub_ip is ignored when hub_connect_ip is set",
    project="jupyterhub",
    steps="hub_ip = '127.0.0.1', hub_connect_ip = 'hub'; start the hub.",
    expected="The API listens on 127.0.0.1 and nodes are refused (documentation of hub_ip).",
    seen="It listens on the address of the name `hub`, nodes get through, and the log says 'Hub "
    "API listening on http://hub:8081/hub/'. hub_bind_url is obeyed.",
)
@pytest.mark.matrix(IP, ["0.0.0.0", "127.0.0.1"])
@pytest.mark.matrix(CONNECT, ["", "hub"])
async def test_hub_ip_is_obeyed_only_without_hub_connect_ip(lab: LiveLab, case: Case) -> None:
    """`hub_ip` is obeyed while it stands alone, or means every address; alone it is blamed, too."""
    obeyed = not case[CONNECT] or case[IP] == "0.0.0.0"
    expected = case[IP] if obeyed else lab.host("hub").address
    assert await hub_addresses(lab) == {expected}
    lost = {"proxy", "node1", "node2"} if expected == "127.0.0.1" else set()
    broken = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
    assert {(hop.source, hop.setting) for hop in broken} == {(host, IP) for host in lost}


@pytest.mark.matrix(BIND_URL, ["http://127.0.0.1:8081"])
@pytest.mark.matrix(CONNECT, ["hub"])
@pytest.mark.sabotage(BIND_URL, "http://0.0.0.0:8081")
async def test_hub_bind_url_is_obeyed(lab: LiveLab) -> None:
    """The way out: `hub_bind_url` keeps the hub on loopback whatever it is called."""
    assert await hub_addresses(lab) == {"127.0.0.1"}
