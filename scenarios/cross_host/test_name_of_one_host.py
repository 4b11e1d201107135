"""A name that one host alone resolves: the hub is found from there, and from nowhere else.

Why it matters: a hub that is told nothing calls itself by its own hostname, and an /etc/hosts
written by hand is rarely the same everywhere. Then servers of one node start, those of the next
do not, and nobody signs in, while each machine, asked by itself, seems right.

Sources:
- JupyterHub documentation, `JupyterHub.hub_connect_ip`: "Default: when `hub_ip` is 0.0.0.0 or ::,
  use `socket.gethostname()`"; it must lead there from the proxy and from every server.
- hosts(5), nsswitch.conf(5): /etc/hosts is a host's own, and asked before DNS.
- jupyterhub/user.py, `_wait_up`: the hub connects to a new server itself; the proxy's way to the
  hub plays no part in a start.
- zero-to-jupyterhub-k8s#3214: servers that cannot resolve the hub's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hublab.scenario import HubError, LiveLab, diagnose, reach

CONNECT = "hub.JupyterHub.hub_connect_ip"
NAME = "head-node"
ADD = 'echo "$1 $2" >> /etc/hosts'
TAKE = 'kept=$(grep -v " $1\\$" /etc/hosts); printf "%s\\n" "$kept" > /etc/hosts'
"""Not by `sed -i`: the file is mounted, so it must be written in its place."""

pytestmark = pytest.mark.topology("lab")


@asynccontextmanager
async def known_on(lab: LiveLab, host: str, name: str, address: str) -> AsyncIterator[None]:
    """A name that stands in one host's own /etc/hosts, for a block."""
    await lab.run(host, "sh", "-c", ADD, "-", address, name)
    try:
        yield
    finally:
        await asyncio.shield(lab.run(host, "sh", "-c", TAKE, "-", name))


@pytest.mark.matrix(CONNECT, [NAME])
@pytest.mark.sabotage(CONNECT, "hub")
async def test_servers_run_only_where_the_hubs_name_resolves(lab: LiveLab) -> None:
    """Servers run on that node; the other node and the proxy do not know the name."""
    address = str(lab.one("hub").address)
    async with known_on(lab, "node1", NAME, address):
        assert (await lab.spawn("alice", on="node1")).ready
        with pytest.raises(HubError, match=f"node cannot reach the hub at http://{NAME}:8081"):
            await lab.spawn("bob", on="node2")
        with pytest.raises(HubError, match=r"could not sign in: 503"):
            await lab.sign_in("alice")
        hops = diagnose(await reach(lab))
        broken = {hop.source: str(hop.error) for hop in hops if not hop.ok}
        assert set(broken) == {"proxy", "node2"}
        assert all(f"the name {NAME} is not known here" in error for error in broken.values())
        (found,) = [hop for hop in hops if hop.target == "hub API, for alice on node1"]
        assert (found.ok, found.address) == (True, f"{address}:8081")
