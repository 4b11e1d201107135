"""What start and stop are answered depends on the server's state and on the clock, not on success.

Why it matters: scripts and services that start servers on other hosts, where that takes longer,
read these statuses. A 201 does not say that the server is up for good, a 202 does not say that it
will be, and some states refuse what a user may well ask for.

Sources:
- jupyterhub 6.1.1, apihandlers/users.py, `UserServerAPIHandler.post`: 202 while a spawn is pending,
  400 with "is pending stop" or "is already running"; `delete`: 202 while a stop is pending, 204 for
  a server that does not run; `patch`: 400 for an active one; `put`: 409 for one that is there.
- jupyterhub/handlers/base.py, `spawn_single_user` and `stop_single_user`: they wait for
  `slow_spawn_timeout` and `slow_stop_timeout` (10 s each, `tornado_settings`).
- JupyterHub documentation, "Starting servers with the JupyterHub API": 201 and 202.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from hublab.scenario import (
    Case,
    Hub,
    LiveLab,
    flag_file,
    hook_runs,
    server_state,
    until_state,
    watch_states,
)

AT_ONCE = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
PATIENT = {"slow_spawn_timeout": 120, "slow_stop_timeout": 120}
"""Longer than the default of ten seconds, which a spawn on a busy machine exceeds."""
SLOW = "hub.JupyterHub.tornado_settings"
PATH = "users/alice/server"

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix("hub.snippet", ["hooks.py"])]


class ApiAnswer(NamedTuple):
    """A request in a state: its status, and words of its message."""

    state: str
    method: str
    status: int
    words: str
    source: str


TABLE = [
    ApiAnswer("stopped", "DELETE", 204, "", "delete: nothing to stop"),
    ApiAnswer("stopped", "PUT", 409, "already has a default server", "put"),
    ApiAnswer("spawn", "POST", 202, "", "post: pending == 'spawn'"),
    ApiAnswer("spawn", "PATCH", 400, "alice is active", "patch: cannot patch active servers"),
    ApiAnswer("ready", "POST", 400, "alice is already running", "post: spawner.ready"),
    ApiAnswer("ready", "PATCH", 400, "alice is active", "patch: cannot patch active servers"),
    ApiAnswer("stop", "POST", 400, "alice is pending stop", "post: elif pending"),
    ApiAnswer("stop", "DELETE", 202, "", "delete: already stopping"),
    ApiAnswer("stop", "PATCH", 400, "alice is active", "patch: cannot patch active servers"),
]


async def answers(lab: LiveLab, hub: Hub, state: str) -> dict[tuple[str, str], tuple[int, str]]:
    """Send what the table has for a state, in which the server is before and after."""
    found = {}
    for row in [row for row in TABLE if row.state == state]:
        assert str(await server_state(lab, "alice")) == state
        body: dict[str, Any] | None = {"user_options": {}} if row.method == "PATCH" else None
        status, answer = await hub.request(row.method, PATH, json=body)
        found[state, row.method] = (status, words(answer))
    return found


def words(answer: Any) -> str:
    """A refusal's message, empty where there is none."""
    return str(answer["message"]) if isinstance(answer, dict) and "message" in answer else ""


@pytest.mark.issue("jupyterhub#3193", happens=True, workaround="wait until the server is stopped")
@pytest.mark.matrix(SLOW, [AT_ONCE])
@pytest.mark.sabotage("hub.Spawner.cmd", ["/bin/false"])
async def test_each_state_has_its_answers(lab: LiveLab) -> None:
    """One server through its states; each request of the table in its state."""
    hub = await lab.hub()
    await hub.ensure_user("alice")

    found = await answers(lab, hub, "stopped")
    async with flag_file(lab, "hub", "pre_spawn_hook"):
        assert await hub.start_server("alice", "", {}) == 202
        found |= await answers(lab, hub, "spawn")
    await until_state(lab, "alice", "ready")
    found |= await answers(lab, hub, "ready")
    async with flag_file(lab, "hub", "post_stop_hook"):
        assert await hub.stop_server("alice", "") == 202
        found |= await answers(lab, hub, "stop")
    await until_state(lab, "alice", "stopped")

    assert {key: status for key, (status, _) in found.items()} == {
        (row.state, row.method): row.status for row in TABLE
    }
    assert [row for row in TABLE if row.words not in found[row.state, row.method][1]] == []


@pytest.mark.matrix(SLOW, [PATIENT, AT_ONCE])
async def test_the_status_says_how_long_it_took(lab: LiveLab, case: Case) -> None:
    """The same good and bad start, and the same stop, with patience and without."""
    patient = case[SLOW] != AT_ONCE
    hub = await lab.hub()
    for user in ("alice", "bob"):
        await hub.ensure_user(user)

    async with flag_file(lab, "hub", "pre_spawn_hook-bob", "ValueError"):
        bad, _ = await hub.request("POST", "users/bob/server")
        await until_state(lab, "bob", "stopped")
    good, _ = await hub.request("POST", PATH)
    assert (good, bad) == ((201, 500) if patient else (202, 202))

    await until_state(lab, "alice", "ready")
    stop, _ = await hub.request("DELETE", PATH)
    assert stop == (204 if patient else 202)
    await until_state(lab, "alice", "stopped")


@pytest.mark.issue(
    "jupyterhub#2975", "jupyterhub#3597", happens=False, workaround="jupyterhub#4844"
)
@pytest.mark.finding(
    "A spawn that is stopped while it is pending is told to be ready",
    project="jupyterhub",
    steps="POST /hub/api/users/alice/server; while it is pending (before Spawner.start is called) "
    "follow .../server/progress and send DELETE .../server.",
    expected='The stream ends with `"failed": true, "message": "Spawn cancelled"` '
    "(apihandlers/users.py, SpawnProgressAPIHandler), and the model is never `ready`.",
    seen='The stream ends with `"ready": true, "message": "Server ready at /user/alice/"`, and for '
    "the second that DELETE waits the model says `ready`: the spawn is no longer pending, the row "
    "in `servers` is there since before the start (Spawner.ready looks at no more).",
)
@pytest.mark.matrix(SLOW, [AT_ONCE])
@pytest.mark.sabotage("hub.SSHSpawner.pre_spawn_hook", False)
async def test_stop_ends_a_pending_spawn(lab: LiveLab) -> None:
    """A server that takes too long to start can be stopped; but users are sent to it."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    async with flag_file(lab, "hub", "pre_spawn_hook"):
        assert await hub.start_server("alice", "", {}) == 202
        watched = hub.progress("alice", "")
        assert (await anext(watched))["message"] == "Server requested"
        async with watch_states(lab, "alice") as states:
            await until_state(lab, "alice", "spawn")
            status, _ = await hub.request("DELETE", PATH)
            assert status in (202, 204)
            await until_state(lab, "alice", "stopped")
        # Its hook still waits: there was nothing to be ready.
        assert len(await hook_runs(lab, "pre_spawn_hook")) == 1
        assert "ready" in [str(one.state) for one in states]
        told = [event async for event in watched]
        assert (told[-1].get("ready"), told[-1]["url"]) == (True, "/user/alice/")
    assert len(await hook_runs(lab, "post_stop_hook")) == 1
    assert str(await server_state(lab, "alice")) == "stopped"
