"""A second "start" while the node hangs: the page that shows progress gets 500.

Why it matters: a user whose page has stopped answering clicks "start" again. The hub asks the
node whether the server still runs; while the node says nothing the server counts as starting,
and everything that follows a start breaks, though the server may be well.

Sources:
- jupyterhub/apihandlers/users.py, `UserServerAPIHandler.post`: "set _spawn_pending flag to
  prevent races while we wait" for `poll_and_notify`; there is no `_spawn_future` then.
- The same, `SpawnProgressAPIHandler.get`: with `_spawn_pending` it waits for `_spawn_future`.
- JupyterHub documentation, "Starting servers with the JupyterHub API": a server whose `pending`
  is "spawn" has a progress stream at `progress_url`.
"""

from __future__ import annotations

import asyncio

import pytest

from hublab.scenario import LiveLab, freeze, until

pytestmark = pytest.mark.topology("lab")


@pytest.mark.sabotage("hub.SSHSpawner.unreachable_limit", 1)
@pytest.mark.finding(
    "The progress of a server that is polled for a second start is 500",
    project="jupyterhub",
    steps="POST /hub/api/users/NAME/server for a server that runs, with a spawner whose poll "
    "takes long (its node hangs); meanwhile GET /hub/api/users/NAME/server/progress.",
    expected="A stream of events: the model says pending 'spawn', ready false, and progress_url "
    "(docs, 'Starting servers with the JupyterHub API').",
    seen="500: the flag _spawn_pending is set for the time of the poll, _spawn_future is None, "
    "and utils.py, iterate_until, waits for it.",
)
async def test_progress_is_500_while_the_node_hangs(lab: LiveLab) -> None:
    """The server is ready before and after; in between it is said to be starting."""
    await lab.spawn("alice", on="node1")
    hub = await lab.hub()

    async def starting() -> bool:
        model = await hub.server("alice")
        return bool(model and model["pending"] == "spawn")

    async with freeze(lab, "node1", seconds=60):
        again = asyncio.create_task(hub.request("POST", "users/alice/server"))
        await until(starting, what="the server pending although it runs")
        polled = await hub.server("alice")
        assert polled
        assert (polled["pending"], polled["ready"]) == ("spawn", False)
        assert polled["progress_url"] == "/hub/api/users/alice/server/progress"
        status, body = await hub.request("GET", "users/alice/server/progress")
        assert status == 500, body
        status, body = await again
    assert (status, body["message"]) == (400, "alice is already running")
    model = await hub.server("alice")
    assert model is not None
    assert model["ready"]
