"""A server's life takes one of a few ways through the hub's states, whoever or whatever ends it.

Why it matters: who waits for a server, or acts when it is gone, watches the hub's word for it
from another host. It must know which states can follow one another, and that an end is named
alike whether its user, a failed hook, its node or a poll brought it.

Sources:
- jupyterhub 6.1.1, spawner.py, `Spawner.pending`: "Return the current pending event, if any":
  spawn before stop before check; `ready`: active, and nothing pending.
- user.py, `User.spawn`: an error stops the server while the start is still pending; `User.stop`:
  stop is pending until post_stop_hook is over.
- handlers/base.py, `stop_single_user`: pending from the moment of the request; `user_stopped`,
  which a poll calls: the route goes, then `User.stop`.
- JupyterHub documentation, "Starting servers with the JupyterHub API": `pending` is null,
  "spawn", "stop" or "check".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hublab.scenario import LiveLab, flag_file, until, watch_states

HOOK = "pre_spawn_hook"
Watch = list[Any]
"""What `watch_states` yields: moments with a `state`."""
WHOLE = ["stopped", "spawn", "ready", "stop", "stopped"]
FAILED = ["stopped", "spawn", "stopped"]

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["hooks.py"]),
    pytest.mark.matrix("hub.Spawner.poll_interval", [1]),
    # So that start and stop are answered at once, and the rest is watched.
    pytest.mark.matrix(
        "hub.JupyterHub.tornado_settings", [{"slow_spawn_timeout": 0, "slow_stop_timeout": 0}]
    ),
]


async def until_watched(states: Watch, wanted: str) -> None:
    """Until the watch itself has seen a state: the server does not go on before."""

    async def there() -> bool:
        return bool(states) and str(states[-1].state) == wanted

    await until(there, what=f"the state {wanted} in the watch")


async def started(lab: LiveLab, user: str, states: Watch, then: str = "ready") -> None:
    """A start that is kept in its first hook until it is seen there."""
    await until_watched(states, "stopped")
    async with flag_file(lab, "hub", f"{HOOK}-{user}"):
        assert await (await lab.hub()).start_server(user, "", {"host": "node1"}) == 202
        await until_watched(states, "spawn")
    await until_watched(states, then)


async def ended(
    lab: LiveLab, user: str, states: Watch, end: Callable[[], Awaitable[object]]
) -> None:
    """An end that is kept in its last hook until it is seen there."""
    async with flag_file(lab, "hub", f"post_stop_hook-{user}"):
        await end()
        await until_watched(states, "stop")
    await until_watched(states, "stopped")


@pytest.mark.sabotage("hub.snippet", "../changes/hooks_cannot_fail.py")
@pytest.mark.sabotage(
    "hub.snippet", "../changes/no_hook_after_the_stop.py", sentence="the same five states"
)
async def test_lives(lab: LiveLab) -> None:
    """Asked to stop, or killed and found by a poll: the same five states. A hook that fails leaves
    three of them.
    """
    hub = await lab.hub()
    for user in ("alice", "bob", "carol"):
        await hub.ensure_user(user)

    async with watch_states(lab, "alice") as asked:
        await started(lab, "alice", asked)
        await ended(lab, "alice", asked, lambda: hub.stop_server("alice", ""))
    async with watch_states(lab, "bob") as killed:
        await started(lab, "bob", killed)
        server = await lab.server("bob")
        assert server is not None
        kill = ("sh", "-c", f"kill -KILL {server.pid}")
        await ended(lab, "bob", killed, lambda: lab.run("node1", *kill, user="bob"))
    async with watch_states(lab, "carol") as failed, flag_file(lab, "hub", HOOK, "ValueError"):
        await started(lab, "carol", failed, "stopped")
    ways = [[str(one.state) for one in watched] for watched in (asked, killed, failed)]
    assert ways == [WHOLE, WHOLE, FAILED]
