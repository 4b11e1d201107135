"""A route comes when a server answers, and goes before it is stopped or when it is found dead.

Why it matters: the proxy's table is the only thing that users' requests go by. Who edits it, and
when, decides what they see while servers start, stop and die on nodes that the proxy never asks.

Sources:
- jupyterhub/handlers/base.py, `spawn_single_user`, `finish_user_spawn`: `proxy.add_user` after
  the server has answered; `stop_single_user`: "1. remove it from the proxy 2. stop the server";
  `user_stopped`: the poll's callback deletes the route.
- jupyterhub/proxy.py, `add_user`, `delete_user`, `add_hub_route`; `add_route` puts `jupyterhub`
  into each.
- jupyterhub/handlers/pages.py, `HomeHandler.get`: "trigger poll_and_notify event in case of a
  server that died"; jupyterhub/jupyterhub#552.
- configurable-http-proxy 5.3, lib/configproxy.js, `handleProxyError`: a target that refuses is
  503 with the page of the error target, whatever the request accepts.
"""

from __future__ import annotations

import pytest

from hublab.scenario import (
    LiveLab,
    Server,
    Undecided,
    UrlRow,
    credentials,
    proxy_routes,
    until,
    wrong_rows,
)

POLL = "hub.Spawner.poll_interval"
UNSEEN = 8.0
"""Seconds in which the hub must not notice: several polls, if it did poll each second."""

pytestmark = pytest.mark.topology("lab")


async def data(lab: LiveLab) -> dict[str, dict[str, object]]:
    """The proxy's table as the hub wrote it, without times."""
    return {
        route.spec: {k: v for k, v in route.data.items() if k != "last_activity"}
        for route in await proxy_routes(lab)
    }


def own(server: Server) -> dict[str, object]:
    """What `add_user` writes for a server."""
    return {
        "user": server.user,
        "server_name": server.name,
        "jupyterhub": True,
        "target": f"http://{server.address}:{server.port}",
    }


@pytest.mark.sabotage("hub.snippet", "../changes/routes_stay.py")
async def test_each_server_has_a_route_while_it_answers(lab: LiveLab) -> None:
    """The default server and a named one below it: each has a route of its own."""
    hub = {"/": {"hub": True, "jupyterhub": True, "target": "http://hub:8081"}}
    assert await data(lab) == hub
    default = await lab.spawn("alice", on="node1")
    named = await lab.spawn("alice", "two", on="node2")
    both = {"/user/alice": own(default), "/user/alice/two": own(named)}
    assert await data(lab) == hub | both

    await lab.stop("alice")
    assert await data(lab) == hub | {"/user/alice/two": own(named)}
    await lab.stop("alice", "two")
    assert await data(lab) == hub


@pytest.mark.matrix(POLL, [300])
@pytest.mark.sabotage(POLL, 1)
async def test_a_dead_servers_route_stays_until_the_hub_looks(lab: LiveLab) -> None:
    """Killed on its node: 503 in HTML for everybody, until somebody makes the hub look.

    The poll is put off, so that what makes the hub look is the user's own home page.
    """
    server = await lab.spawn("alice", on="node1")
    alice = await lab.enter(credentials(lab, "alice"))
    await lab.run("node1", "pkill", "-KILL", "-u", "alice")
    people = {"alice": alice, "nobody": await lab.enter(credentials(lab, None))}
    json = (("Accept", "application/json"),)
    chp = "configproxy.js, handleProxyError: the error target's page, and 503"

    async def refused() -> bool:
        rows = [UrlRow("nobody", "GET /user/alice/api/status", "503 html", chp, json)]
        return not await wrong_rows(lab, rows, people)

    await until(refused, what="a node that refuses", poll=0.5)
    rows = [
        UrlRow(who, f"{m} /user/alice/x", "503 html", chp, json)
        for who in people
        for m in ("GET", "POST", "DELETE")
    ]
    rows += [UrlRow(who, "HEAD /user/alice/x", "503 empty", chp) for who in people]
    wrong = await wrong_rows(lab, rows, people)
    assert not wrong, "\n".join(wrong)

    async def gone() -> bool:
        return (await data(lab)).get("/user/alice") != own(server)

    with pytest.raises(Undecided):
        await until(gone, seconds=UNSEEN, what="the route's end", poll=0.5)

    home = UrlRow("alice", "GET /hub/home", "200 html", "handlers/pages.py, HomeHandler.get")
    stopped_page = UrlRow("alice", "GET /user/alice/lab", "hub > 424 html", "UserUrlHandler.get")
    assert not await wrong_rows(lab, [home], people)
    assert "/user/alice" not in await data(lab)
    assert not await wrong_rows(lab, [stopped_page], people)
