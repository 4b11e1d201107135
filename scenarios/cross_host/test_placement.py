"""A server runs on another host than hub and proxy, and three of them agree on where.

Why it matters: whoever moves single-user servers to other hosts must know that the hub stores,
and the proxy forwards to, the address of the node, and that the code runs there and nowhere else.

Sources:
- jupyterhub/spawner.py, `Spawner.start`: it returns the `(ip, port)` at which hub and proxy reach
  the server; jupyterhub/user.py, `spawn`, stores the two in `orm.Server`.
- jupyterhub/proxy.py, `add_user`: the route `/user/NAME` targets `spawner.server.host`.
- JupyterHub documentation, "Technical overview": requests for `/user/NAME` go through the proxy
  to the user's own server.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import (
    LiveLab,
    Placement,
    Server,
    placement,
    proxy_routes,
    server_rows,
    user_processes,
)

pytestmark = pytest.mark.topology("lab")


async def kernel_place(lab: LiveLab, server: Server) -> Placement:
    """Where the kernel is that a user gets through the proxy's WebSocket."""
    visitor = await lab.sign_in(server.user)
    await visitor.open_server()
    return await placement(lab, await lab.enter(visitor.kernel()))


@pytest.mark.sabotage("hub.SSHSpawner.transport", "tunnel")
async def test_kernel_route_and_database_agree(lab: LiveLab) -> None:
    """One server on node1: what its kernel says, what the proxy has, what the hub stored."""
    node = lab.host("node1")
    others = {lab.one(role).address for role in ("hub", "proxy", "client")}

    server = await lab.spawn("alice", on="node1")
    place = await kernel_place(lab, server)
    assert (place.hostname, place.address, place.user) == ("node1", node.address, "alice")
    assert place.address not in others

    routes = {route.spec: route.target for route in await proxy_routes(lab)}
    assert routes["/user/alice"] == f"http://{node.address}:{server.port}"

    stored = (await server_rows(lab))["alice", ""]
    assert (stored["ip"], stored["port"]) == (node.address, server.port)


@pytest.mark.sabotage("hub.SSHSpawner.host_policy", "first")
async def test_each_users_code_runs_on_that_users_node(lab: LiveLab) -> None:
    """Two servers that start at the same time: each user's code runs on that user's node alone."""
    wanted = {"alice": "node1", "bob": "node2"}
    servers = await asyncio.gather(*(lab.spawn(user, on=on) for user, on in wanted.items()))
    places = await asyncio.gather(*(kernel_place(lab, server) for server in servers))
    assert {place.user: place.hostname for place in places} == wanted

    # Both kernels still run: their hosts list them, each under its own user.
    for place in places:
        running = await user_processes(lab, place.user)
        assert {process.host for process in running} == {wanted[place.user]}
        assert place.pid in {process.pid for process in running}

    routes = {route.user: route.target for route in await proxy_routes(lab) if route.user}
    assert routes == {s.user: f"http://{s.address}:{s.port}" for s in servers}
