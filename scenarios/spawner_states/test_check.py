"""While the hub checks a server after its own restart, nobody can start or stop it.

Why it matters: a node that hangs while the hub restarts (a paused machine, a storage that does not
answer) keeps its servers in this state for as long as it hangs, up to the five minutes of the
hub's HTTP client. Their users can do nothing, and neither can an administrator.

Sources:
- jupyterhub 6.1.1, app.py, `init_spawners`: every server of the database is "check-pending" until
  `check_spawner` has polled it and got an answer over HTTP; after `init_spawners_timeout` (10 s,
  shortened here) the hub runs and goes on checking in the background.
- jupyterhub/apihandlers/users.py, `post`: 400 "is pending check"; `delete`: "we are interrupting a
  pending start", then handlers/base.py, `stop_single_user`: RuntimeError for what is pending.
- jupyterhub#3263: "pending is check forever, then it can't be stopped or start".
- docs.docker.com, `docker pause`: all processes are suspended; their kernel still accepts.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, LiveLab, ask, credentials, freeze, until_state

PATH = "/hub/api/users/alice/server"
FROZEN = 60.0
"""Seconds after which the node thaws in any case."""

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.JupyterHub.init_spawners_timeout", [1]),
    pytest.mark.matrix("hub.SSHSpawner.poll_timeout", [1.0]),
]


@pytest.mark.issue("jupyterhub#3263", happens=True, workaround="the node answers, or is shut down")
@pytest.mark.finding(
    "A server that is being checked cannot be stopped: DELETE is answered 500",
    project="jupyterhub",
    steps="Restart the hub while a node with a running server accepts connections and does not "
    "answer; DELETE /hub/api/users/alice/server while its state is pending: check.",
    expected="204 or 202 (REST API), or 400 with a reason, as for POST.",
    seen="500 after a second: delete() treats every pending state but stop and rename as a start "
    'that it interrupts, and stop_single_user raises RuntimeError("alice pending check").',
)
@pytest.mark.sabotage("hub.SSHSpawner.unreachable_limit", 1)
async def test_nothing_goes_during_a_check(lab: LiveLab) -> None:
    """A node is frozen, the hub restarted; when the node thaws the server is there as before."""
    before = await lab.spawn("alice", on="node1")
    async with freeze(lab, "node1", seconds=FROZEN):
        await lab.programs.restart("hub")
        await lab.forget_hub()
        hub = await lab.hub()
        await until_state(lab, "alice", "check")
        status, answer = await hub.request("POST", "users/alice/server")
        assert (status, answer["message"]) == (400, "alice is pending check")
        status, answer = await hub.request("DELETE", "users/alice/server")
        assert status == 500
        async with credentials(lab, "alice", token=True) as alice:
            own = [await ask(lab, Ask(PATH, method), alice) for method in ("POST", "DELETE")]
        assert [answer.status for answer in own] == [400, 500]
        status, answer = await hub.request("GET", "users/alice/server/progress")
        assert (status, answer["message"]) == (400, "alice is not starting...")
        assert (await until_state(lab, "alice", "check")).pending == "check"
    await until_state(lab, "alice", "ready")
    after = await lab.server("alice")
    assert after is not None
    assert (after.pid, after.started) == (before.pid, before.started)
