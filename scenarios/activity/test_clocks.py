"""Clocks that differ: the latest time wins, so whoever is ahead decides for everybody.

Why it matters: `last_activity` is made of times of three hosts, each by its own clock, and no one
compares the clocks. A node that is half an hour ahead keeps its servers from being culled for half
an hour after their last use; one that is too far ahead is not heard at all; one that is behind is
heard and loses; and a proxy that is ahead is believed whatever it says.

Sources:
- jupyterhub 6.1.1, apihandlers/users.py, `_parse_timestamp`: refused if it is more than 59 minutes
  ahead of the hub's clock; `ActivityAPIHandler`: taken only if it is later.
- jupyterhub/app.py, `update_last_activity`: `max(spawner.last_activity, dt)`, no limit.
- jupyterhub/user.py, `spawn`: the start is activity by the hub's own clock.
- jupyterhub/handlers/base.py, `_record_activity`, and the help of `activity_resolution`.
- configurable-http-proxy 5.3, lib/configproxy.js, `updateLastActivity`: `new Date()`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hublab.scenario import (
    NAVIGATE,
    Beliefs,
    Case,
    LastActivity,
    LiveLab,
    clock,
    give_routes_back,
    hub_accesses,
    last_activity,
    until,
)

from .kernels_and_pages import visit

ASKED = "hub.JupyterHub.last_activity_interval"
ENVIRONMENT = "hub.Spawner.environment"
RESOLUTION = "hub.JupyterHub.activity_resolution"
TOLD = "JUPYTERHUB_ACTIVITY_INTERVAL"
MINUTE = 60
NEAR = timedelta(minutes=10)
"""Far less than any clock here is wrong by, and far more than anything here takes."""

pytestmark = pytest.mark.topology("lab")


def near(time: datetime | None, ahead: float) -> bool:
    """Whether a time is about what a clock shows that is so many seconds ahead."""
    return time is not None and abs(time - datetime.now(UTC) - timedelta(seconds=ahead)) < NEAR


async def eventually(
    times: LastActivity, holds: Callable[[Beliefs], bool], what: str
) -> Beliefs | None:
    """Wait until what the four believe is so."""

    async def seen() -> Beliefs | None:
        now = await times.read()
        return now if holds(now) else None

    return await until(seen, what=what)


async def answers(lab: LiveLab, user: str) -> set[int]:
    """How the hub answered the reports of a user's server; waits for the first one."""

    async def statuses() -> set[int]:
        path = f"/hub/api/users/{user}/activity"
        return {one.status for one in await hub_accesses(lab) if one.path == path}

    return await until(statuses, what=f"a report of {user}'s server at the hub")


def model(ahead: int) -> tuple[set[int], int]:
    """How the hub answers a server whose clock is so far ahead, and what it then believes."""
    if ahead > 59 * MINUTE:
        return {400}, 0
    return {200}, max(ahead, 0)


@pytest.mark.matrix(ASKED, [0])
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "1"}])
@pytest.mark.sabotage(ENVIRONMENT, {TOLD: "0"})
async def test_a_node_ahead_is_believed_up_to_a_limit(lab: LiveLab) -> None:
    """Ahead it is believed, too far ahead it is refused, behind it is heard and loses."""
    shifts = {"alice": 30 * MINUTE, "bob": -30 * MINUTE, "carol": 120 * MINUTE}
    for user, ahead in shifts.items():
        async with clock(lab, "node1", ahead=ahead, seconds=300) as fault:
            server = await lab.spawn(user, on="node1")
            times = await last_activity(lab, server)
            assert near(await times.of_server(), ahead)
            status, believed = model(ahead)
            assert await answers(lab, user) == status
            assert near((await times.read()).hub_server, believed)
        assert fault.met


@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "0"}])
@pytest.mark.sabotage(ASKED, 0)
async def test_a_proxy_ahead_is_believed_without_limit(lab: LiveLab) -> None:
    """A proxy that is two hours ahead is believed: only reports have a limit."""
    server = await lab.spawn("alice", on="node1")
    times = await last_activity(lab, server)
    async with clock(lab, "proxy", ahead=120 * MINUTE, seconds=300):
        await lab.programs.restart("proxy")
        await give_routes_back(await lab.hub())
        await visit(lab, "alice")
        now = await eventually(times, lambda it: near(it.hub_server, 120 * MINUTE), "the copy")
        assert now
        assert near(now.proxy, 120 * MINUTE)
        assert near(now.server, 0)


@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "1"}])
@pytest.mark.matrix(RESOLUTION, [0])  # by default what follows a start within 30 s is left out
@pytest.mark.sabotage(ENVIRONMENT, {TOLD: "0"})
async def test_a_hub_ahead_ignores_reports_of_the_present(lab: LiveLab) -> None:
    """A hub that is ahead hears its users and believes only in the start that it saw itself."""
    async with clock(lab, "hub", ahead=30 * MINUTE, seconds=300):
        await lab.programs.restart("hub")
        await lab.forget_hub()
        server = await lab.spawn("alice", on="node1")
        times = await last_activity(lab, server)
        before = await times.read()
        assert near(before.hub_server, 30 * MINUTE)
        alice = await visit(lab, "alice")
        await alice.api("GET", "contents")
        assert await answers(lab, "alice") == {200}
        assert (await times.read()).moved_since(before) == {"server", "proxy", "hub_user"}


@pytest.mark.finding(
    "With activity_resolution = 0 the time of a user's last activity goes back",
    project="jupyterhub",
    steps="activity_resolution = 0; a server whose host is half an hour ahead reports; its user "
    "opens /hub/home.",
    expected="The time stays: only a value 'more recent than the current value' replaces it "
    "(help of activity_resolution), as with any other resolution.",
    seen="It becomes that of the visit, half an hour earlier: _record_activity does not compare "
    "if the resolution is 0.",
)
@pytest.mark.matrix(ASKED, [0])
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "600"}])
@pytest.mark.matrix(RESOLUTION, [0, 1])
async def test_without_resolution_a_users_time_goes_back(lab: LiveLab, case: Case) -> None:
    """One report from the future; then the user comes to the hub in the present."""
    async with clock(lab, "node1", ahead=30 * MINUTE, seconds=300):
        server = await lab.spawn("alice", on="node1")
    times = await last_activity(lab, server)
    await eventually(times, lambda now: near(now.hub_user, 30 * MINUTE), "the report from ahead")
    alice = await lab.sign_in("alice")
    async with alice.session.get(alice.origin / "hub/home", headers=NAVIGATE) as answer:
        assert answer.status == 200
    assert near((await times.read()).hub_user, 30 * MINUTE if case[RESOLUTION] else 0)
