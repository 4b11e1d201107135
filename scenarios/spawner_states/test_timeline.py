"""Between stopped and ready, and back, a server's parts come and go in a fixed order.

Why it matters: with several hosts the parts stand apart: a row in the hub's database, a token that
the server uses from its node, a route in the proxy, a process. Whoever reads one of them while a
server starts or stops must know which of the others are there already, or no more.

Sources:
- jupyterhub 6.1.1, spawner.py, `Spawner.pending`, `ready`, `active`: what is pending has a name,
  and a server is ready only if nothing is pending and its row is there.
- jupyterhub/user.py, `User.spawn`: row, token and OAuth client are made before `pre_spawn_hook`;
  `User.stop`: they are deleted before `post_stop_hook`, during which the stop is still pending.
- jupyterhub/handlers/base.py, `finish_user_spawn`: the route is added after the server answered;
  `stop_single_user`: "1. remove it from the proxy, 2. stop the server, 3. notice that it stopped".
- JupyterHub documentation, "Starting servers with the JupyterHub API": `ready`, `pending`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

import pytest

from hublab.scenario import (
    LiveLab,
    ServerParts,
    flag_file,
    hook_runs,
    server_parts,
    until,
    until_no_user_route,
    until_state,
    user_processes,
    watch_states,
)

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["hooks.py"]),
    pytest.mark.matrix("server.snippet", ["slow_server.py"]),
    # So that start and stop are answered at once, and the rest is watched.
    pytest.mark.matrix(
        "hub.JupyterHub.tornado_settings", [{"slow_spawn_timeout": 0, "slow_stop_timeout": 0}]
    ),
]
STORED = frozenset({"row", "token", "client"})


class Moment(NamedTuple):
    """A moment of a server's life: its state, and its parts that are there."""

    state: str
    parts: frozenset[str]
    source: str


LIFE = {
    "never started": Moment("stopped", frozenset(), "user.py, User.spawn makes them"),
    "in pre_spawn_hook": Moment("spawn", STORED, "user.py, User.spawn: before the hook"),
    "in Spawner.start": Moment("spawn", STORED | {"process"}, "base.py, finish_user_spawn"),
    "ready": Moment("ready", STORED | {"process", "route"}, "base.py, finish_user_spawn"),
    "in Spawner.stop": Moment("stop", STORED | {"process"}, "base.py, stop_single_user: 1."),
    "in post_stop_hook": Moment("stop", frozenset(), "user.py, User.stop: before the hook"),
    "stopped": Moment("stopped", frozenset(), "user.py, User.stop"),
}
"""In order."""


def seen(parts: ServerParts) -> tuple[str, frozenset[str]]:
    """A state's name, and the parts that are there."""
    there = {name for name, value in asdict(parts).items() if value is True}
    return str(parts.state), frozenset(there)


@pytest.mark.sabotage("hub.Spawner.cmd", ["/bin/false"])
async def test_parts_come_and_go_in_a_fixed_order(lab: LiveLab) -> None:
    """One server, kept at each moment for as long as everybody is asked."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    life = {}

    async def hooked(hook: str) -> bool:
        return bool(await hook_runs(lab, hook))

    async def process() -> int | None:
        found = [p.pid for p in await user_processes(lab, "alice") if "singleuser" in p.command]
        return found[0] if found else None

    async with watch_states(lab, "alice") as states:
        life["never started"] = seen(await server_parts(lab, "alice"))
        async with flag_file(lab, "node1", "server"):
            async with flag_file(lab, "hub", "pre_spawn_hook"):
                assert await hub.start_server("alice", "", {"host": "node1"}) == 202
                await until(lambda: hooked("pre_spawn_hook"), what="pre_spawn_hook")
                life["in pre_spawn_hook"] = seen(await server_parts(lab, "alice"))
            pid = await until(process, what="the server's process")
            life["in Spawner.start"] = seen(await server_parts(lab, "alice"))
        await until_state(lab, "alice", "ready")
        life["ready"] = seen(await server_parts(lab, "alice"))

        # Its process stands still, so that the spawner waits for its end.
        await lab.run("node1", "sh", "-c", f"kill -STOP {pid}", user="alice")
        async with flag_file(lab, "hub", "post_stop_hook"):
            assert await hub.stop_server("alice", "") == 202
            await until_no_user_route(lab)  # it goes before Spawner.stop is called
            life["in Spawner.stop"] = seen(await server_parts(lab, "alice"))
            await lab.run("node1", "sh", "-c", f"kill -CONT {pid}", user="alice")
            await until(lambda: hooked("post_stop_hook"), what="post_stop_hook")
            life["in post_stop_hook"] = seen(await server_parts(lab, "alice"))
        await until_state(lab, "alice", "stopped")
        life["stopped"] = seen(await server_parts(lab, "alice"))

    assert life == {moment: (row.state, row.parts) for moment, row in LIFE.items()}
    assert [str(one.state) for one in states] == ["stopped", "spawn", "ready", "stop", "stopped"]
