"""A node behind a bastion: both ways, to the server and back to the hub, need a tunnel each.

Why it matters: compute nodes often stand on a network that only a login node reaches. SSH gets
through by a jump host; the hub's requests to the server, the users' own, and the server's calls
to the hub's API are HTTP, for which there is no way unless SSH carries them.

Sources:
- `SSHSpawner.jump_hosts`, `transport`, `reverse_tunnel` (spawners/README.md, "Nodes behind a
  bastion"): a tunnel is a port on the hub's host, and the server is told a port on its own.
- jupyterhub/spawner.py, `Spawner.start`: the address that it returns is what hub and proxy use.
- ssh_config(5), `LocalForward`, `RemoteForward`.
"""

from __future__ import annotations

import pytest
from yarl import URL

from hublab.scenario import (
    Case,
    HubError,
    LiveLab,
    api_url_of_server,
    diagnose,
    placement,
    proxy_routes,
    reach,
)

BACK = "hub.SSHSpawner.reverse_tunnel"

pytestmark = pytest.mark.topology("lab", "bastion")


@pytest.mark.matrix(BACK, [True, False])
async def test_a_node_behind_a_bastion_needs_a_tunnel_back(lab: LiveLab, case: Case) -> None:
    """With both tunnels a cell runs there; without the one back the node names what is missing."""
    hub = lab.one("hub")
    if not case[BACK]:
        with pytest.raises(
            HubError, match=f"node cannot reach the hub at http://{hub.service}:8081"
        ):
            await lab.spawn("alice", on="inner1")
        (hop,) = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
        assert hop.source == "inner1"
        assert f"the name {hub.service} is not known here" in str(hop.error)
        return

    server = await lab.spawn("alice", on="inner1")
    told = await api_url_of_server(lab, server)
    assert URL(str(told)).host == "127.0.0.1"
    (route,) = [route for route in await proxy_routes(lab) if route.user]
    assert URL(route.target).host == hub.service
    assert server.tunnel == URL(route.target).authority

    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    place = await placement(lab, await lab.enter(visitor.kernel()))
    assert (place.hostname, place.user) == ("inner1", "alice")
    assert place.address != lab.host("bastion").address
    assert [hop for hop in diagnose(await reach(lab)) if not hop.ok] == []
