"""Named servers of one user on different nodes: one address tree, several hosts behind it.

Why it matters: below /user/NAME/ each named server has a route of its own, to whichever node it
runs on. Nothing in the URL tells the nodes apart, and once such a server has stopped, its
addresses fall to the user's default server, on another host.

Sources:
- JupyterHub documentation, `allow_named_servers`; "JupyterHub URL scheme": `/user/:username
  [/:servername]`.
- jupyterhub/proxy.py, `add_user`: one route for each server; configurable-http-proxy 5.3,
  lib/trie.js: the longest prefix that has a route wins.
- jupyterhub/handlers/base.py, `UserUrlHandler`: a server that is not running is 424, if the
  request gets as far as the hub.
"""

from __future__ import annotations

import pytest

from hublab.scenario import LiveLab, Placement, Visitor, placement, proxy_routes

pytestmark = pytest.mark.topology("lab")


async def place_of(lab: LiveLab, visitor: Visitor, server: str) -> Placement:
    """Where a kernel of one of the user's servers runs."""
    await visitor.open_server(server)
    return await placement(lab, await lab.enter(visitor.kernel(server)))


async def answer_at(visitor: Visitor, server: str) -> tuple[int, bool]:
    """Status at the address of a server, and whether a single-user server gave it."""
    async with visitor.session.get(visitor.server_url(server) / "api/contents") as answer:
        return answer.status, answer.url.path.startswith("/user/")


@pytest.mark.sabotage("hub.JupyterHub.allow_named_servers", False)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/routes_stay.py",
    sentence="what is left of the one that stops is the other's",
)
async def test_named_servers_of_one_user_run_each_on_its_node(lab: LiveLab) -> None:
    """Two servers on two nodes, one session; what is left of the one that stops is the other's."""
    wanted = {"": "node1", "far": "node2"}
    servers = {name: await lab.spawn("alice", name, on=node) for name, node in wanted.items()}
    visitor = await lab.sign_in("alice")
    places = {name: await place_of(lab, visitor, name) for name in wanted}
    assert {name: place.hostname for name, place in places.items()} == wanted
    routes = {route.spec: route.target for route in await proxy_routes(lab) if route.user}
    assert routes == {
        f"/user/alice{'/' + name if name else ''}": f"http://{one.address}:{one.port}"
        for name, one in servers.items()
    }

    await lab.stop("alice", "far")
    # The default server's answer for a path that it does not have, on the other node.
    assert await answer_at(visitor, "far") == (404, True)
    assert await answer_at(visitor, "") == (200, True)
    await lab.stop("alice")
    # With no server of alice's left, the same address is the hub's.
    assert await answer_at(visitor, "far") == (424, False)
