"""A server that dies is ready for the hub until it is asked again.

Why it matters: a node that runs out of memory ends servers behind the hub's back. Until the next
poll the proxy sends their users to a closed port, and with polls switched off for the load that
they make on many hosts, until somebody starts or stops the server.

Sources:
- jupyterhub 6.1.1, spawner.py, `poll_interval` (30 s): at every interval `poll` is called, and if
  the server does not run "JupyterHub modifies its own state accordingly and removes appropriate
  routes"; 0 or less: no polls (`start_polling`). Shortened here to one second.
- jupyterhub/apihandlers/users.py, `UserServerAPIHandler.post` and `delete`: "include notify, so
  that a server that died is noticed immediately".
- jupyterhub#2746 (open): a user gets 503 pages until the next poll.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import (
    Ask,
    Case,
    LiveLab,
    ask,
    credentials,
    server_parts,
    server_state,
    until,
    until_state,
)

POLL = "hub.Spawner.poll_interval"
UNNOTICED = 4.0
"""Seconds without a poll in which the hub goes on believing: four times the other interval."""

A_POLL = 10.0
"""Seconds that a poll itself may take: SSHSpawner.poll_timeout by default."""

pytestmark = pytest.mark.topology("lab")


@pytest.mark.issue("jupyterhub#2746", happens=True, workaround="a shorter Spawner.poll_interval")
@pytest.mark.matrix(POLL, [0, 1])
async def test_a_poll_notices_a_death_and_a_visitor_does_not(lab: LiveLab, case: Case) -> None:
    """Polls do, and so does a request to start; a visitor does not."""
    server = await lab.spawn("alice", on="node1")
    await lab.run("node1", "sh", "-c", f"kill -KILL {server.pid}", user="alice")
    if case[POLL]:
        await until_state(lab, "alice", "stopped")

        async def logged() -> bool:
            log = await lab.hub_log()
            return "User alice server stopped, with exit code: " in log

        await until(logged, what="the end in the hub's log")
        assert not (await server_parts(lab, "alice")).route
        return

    async def visit() -> int:
        async with credentials(lab, None) as nobody:
            return (await ask(lab, Ask("/user/alice/api"), nobody)).status

    async def refused() -> bool:
        return await visit() == 503

    await until(refused, what="the proxy's 503 for the dead server")
    begun = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - begun < UNNOTICED:
        assert (await server_state(lab, "alice")).ready
        assert await visit() == 503
    # Not "already running": it is polled now, stopped for good and started again.
    status, _ = await (await lab.hub()).request("POST", "users/alice/server")
    assert status in (201, 202)
    await until_state(lab, "alice", "ready")
    again = await lab.server("alice")
    assert again is not None
    assert again.pid != server.pid


@pytest.mark.slow
@pytest.mark.sabotage(POLL, 0)
async def test_a_death_is_noticed_within_30_seconds(lab: LiveLab) -> None:
    """Unshortened: by the next poll, which comes every 30 s."""
    server = await lab.spawn("alice", on="node1")
    await lab.run("node1", "sh", "-c", f"kill -KILL {server.pid}", user="alice")
    begun = asyncio.get_running_loop().time()
    await until_state(lab, "alice", "stopped")
    assert asyncio.get_running_loop().time() - begun < 30 + A_POLL
