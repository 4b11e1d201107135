"""The hub ends and comes back while servers run on two nodes: who goes on, and who is given up.

Why it matters: a hub on a host of its own is restarted for every change of its settings, and
nothing on the nodes has to know. What the hub cannot verify when it comes back decides between
users who notice nothing, users who are locked out for minutes, and work that is lost.

Sources:
- JupyterHub documentation, "Running proxy separately from the hub": users keep their servers while
  the hub restarts.
- jupyterhub/app.py, `init_spawners`, `check_spawner`: each server that the database has is polled
  and asked over HTTP; meanwhile it is `pending: check`. One that does not answer for
  `http_timeout` is stopped, although its spawner says that it runs; one that has ended is cleaned
  up by `user.stop`, hooks included (jupyterhub#4562).
- jupyterhub/httpclient.py: one request takes 300 s unless `session_options` says otherwise.
- `SSHSpawner.get_state`: host, address, port and process are stored before the server is ready.
- jupyterhub#4574, #819: servers that run are taken for ended after a restart.
- jupyterhub#3263: `pending: check` while the network is away; neither start nor stop.
- jupyterhub#4519: `post_stop_hook` did not run for servers that had ended while the hub was down.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hublab.scenario import (
    Case,
    LiveLab,
    Visitor,
    freeze,
    proxy_routes,
    until,
    until_no_user_route,
    until_ready,
)

SNIPPET = "hub.snippet"
DATABASE = "hub.JupyterHub.db_url"
FORGETFUL = "sqlite://"
"""A database in memory: what a hub whose volume is not kept has after a restart."""

pytestmark = pytest.mark.topology("lab")


@asynccontextmanager
async def hub_down(lab: LiveLab) -> AsyncIterator[None]:
    """The hub's program killed for a block, as by a crash; at its end it runs again."""
    await lab.programs.end("hub")
    await lab.forget_hub()
    try:
        yield
    finally:
        await lab.programs.start("hub")
    await lab.programs.until_ready("hub")


async def status_at(visitor: Visitor, path: str) -> int:
    async with visitor.session.get(visitor.origin / path) as answer:
        return answer.status


@pytest.mark.issue(
    "jupyterhub#4574", happens=False, workaround="a spawner whose poll finds its server"
)
@pytest.mark.issue("jupyterhub#819", happens=False, workaround="a spawner that keeps its state")
@pytest.mark.sabotage(DATABASE, FORGETFUL)
async def test_servers_are_adopted(lab: LiveLab) -> None:
    """While the hub is away servers go on, and only its pages are 503; then all is as before."""
    wanted = {"alice": "node1", "bob": "node2"}
    before = [await lab.spawn(user, on=node) for user, node in wanted.items()]
    routes = {route.spec: route.target for route in await proxy_routes(lab)}
    visitors = {user: await lab.sign_in(user) for user in wanted}
    for visitor in visitors.values():
        await visitor.open_server()

    async with hub_down(lab):
        for user, visitor in visitors.items():
            assert await status_at(visitor, f"user/{user}/api/contents") == 200
            assert await status_at(visitor, "hub/home") == 503

    after = [await until_ready(lab, user) for user in wanted]
    assert [(s.host, s.port, s.pid) for s in after] == [(s.host, s.port, s.pid) for s in before]
    assert {route.spec: route.target for route in await proxy_routes(lab)} == routes
    for user, visitor in visitors.items():
        assert await status_at(visitor, f"user/{user}/api/contents") == 200
        assert await status_at(visitor, "hub/home") == 200


@pytest.mark.issue("jupyterhub#4519", happens=False, workaround="user.stop at the start (#4562)")
@pytest.mark.matrix(SNIPPET, ["snippets/hook_that_says_so.py"])
@pytest.mark.sabotage(DATABASE, FORGETFUL)
async def test_a_server_that_ended_meanwhile_loses_its_route(lab: LiveLab) -> None:
    """The hub finds out when it comes back, takes the route away and runs the hook."""
    await lab.spawn("alice", on="node1")
    async with hub_down(lab):
        await lab.run("node1", "pkill", "-KILL", "-u", "alice")
    # A start that takes longer than init_spawners_timeout goes on without it.
    await until_log(lab, "appears to have stopped while the Hub was down")
    await until_log(lab, "post_stop_hook ran for alice")
    await until_no_user_route(lab)


async def pending(lab: LiveLab) -> str | None:
    """What the hub is about to do with alice's server."""
    model = await (await lab.hub()).server("alice")
    return str(model["pending"]) if model and model["pending"] else None


@pytest.mark.issue(
    "jupyterhub#3263",
    happens=True,
    workaround="JupyterHubHTTPClient.session_options bounds it, at the price of the server",
)
@pytest.mark.finding(
    "A hub that starts stops servers of a node that stalls, however healthy they are",
    project="jupyterhub",
    steps="http_timeout = 1, HTTP client with 2 s for a request; a server on another host, whose "
    "poll says that it runs; kill the hub, freeze that host, start the hub, thaw the host.",
    expected="The server goes on: 'None means running' (documentation of Spawner.poll), and a host "
    "that does not answer for seconds says nothing of its servers.",
    seen="'does not appear to be running at …, shutting it down': it is stopped. With the default "
    "client it is `pending: check` instead for as long as the host stalls, up to 300 s, and can "
    "neither be started nor stopped.",
)
@pytest.mark.matrix(SNIPPET, ["snippets/patient_client.py", "snippets/hasty_client.py"])
# Shortened: 30, 10, 10, 10 and 30 s by default.
@pytest.mark.matrix("hub.Spawner.http_timeout", [1])
@pytest.mark.matrix("hub.JupyterHub.init_spawners_timeout", [1])
@pytest.mark.matrix("hub.SSHSpawner.poll_timeout", [1.0])
@pytest.mark.matrix("hub.SSHSpawner.connect_timeout", [4.0])
@pytest.mark.matrix("hub.SSHSpawner.stop_timeout", [1.0])
async def test_a_stalled_node_locks_its_server(lab: LiveLab, case: Case) -> None:
    """The node accepts and is silent: the server is locked until it answers, or given up."""
    hasty = "hasty_client.py" in str(case[SNIPPET])
    before = await lab.spawn("alice", on="node1")
    async with freeze(lab, "node1", seconds=300):
        async with hub_down(lab):
            pass
        if hasty:
            await until_log(lab, "does not appear to be running at")
        else:
            assert await pending(lab) == "check"
            hub = await lab.hub()
            status, words = await hub.request("POST", "users/alice/server")
            assert (status, words["message"]) == (400, "alice is pending check")
            # A stop is no better off: see spawner_states/test_check.py.
            assert (await hub.request("DELETE", "users/alice/server"))[0] == 500
            assert await pending(lab) == "check"
    if hasty:
        given_up = await lab.server("alice")
        assert given_up is None or not given_up.ready
        await until_no_user_route(lab)
    else:
        assert (await until_ready(lab, "alice")).pid == before.pid


async def until_log(lab: LiveLab, words: str) -> None:
    async def said() -> bool:
        return words in await lab.hub_log()

    await until(said, seconds=120, what=f"{words!r} in the hub's log")
