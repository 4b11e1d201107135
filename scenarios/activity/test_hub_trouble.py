"""A server goes on reporting while the hub is refused, hangs, or does not know it any more.

Why it matters: hub and servers are on different hosts, so a hub is restarted, overloaded or
restored from a backup while the servers work on. What users did meanwhile must reach it, or the
next round of culling stops those who are at work; and what it has forgotten nobody culls.

Sources:
- jupyterhub 6.1.1, singleuser/extension.py, `notify_activity`: `exponential_backoff` with pauses
  of up to 1, 2, 4, 8, 15 s, for 60 s; "Error notifying Hub of activity: …" for each failure and
  "Sent hub activity after %s retries"; what is posted is of when the round began.
- jupyterhub/utils.py, `exponential_backoff`: the time is looked at between the attempts, so that a
  hub which accepts and is silent is waited for.
- jupyterhub/apihandlers/users.py, `ActivityAPIHandler`: needs `users:activity`, which a server has
  by its token alone; jupyterhub/scopes.py, `needs_scope`: 403 without.
- jupyterhub/proxy.py, `check_routes`: routes of servers that the hub does not know are deleted.
- jupyterhub#3099 (open): reports that fail for hours while the user counts as active.

Shortened: servers report every second and not every five minutes. The pauses between the attempts
of one report cannot be set.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest

from hublab.scenario import (
    LastActivity,
    LiveLab,
    Server,
    Visitor,
    freeze,
    hub_accesses,
    last_activity,
    last_server_log,
    proxy_routes,
    until,
    user_processes,
)

from .kernels_and_pages import visit

ENVIRONMENT = "hub.Spawner.environment"
TOLD = "JUPYTERHUB_ACTIVITY_INTERVAL"
FAILED = "Error notifying Hub of activity: "
RETRIED = "Sent hub activity after"
HANG = 4.0
"""Seconds for which the hub hangs: a report is due each second, and the pause after a failed one is
at most a second, so a failure would be logged several times over."""

pytestmark = [
    pytest.mark.topology("lab"),
    # The proxy is not asked: what the hub knows it has from the server.
    pytest.mark.matrix("hub.JupyterHub.last_activity_interval", [0]),
    pytest.mark.matrix(ENVIRONMENT, [{TOLD: "1"}]),
]


ENDS = pytest.mark.sabotage("server.snippet", "../changes/ends_when_refused.py")


async def start(lab: LiveLab) -> tuple[Server, Visitor, LastActivity]:
    """Alice at work, and all credentials of hers known to her server."""
    server = await lab.spawn("alice", on="node1")
    alice = await visit(lab, "alice")
    times = await last_activity(lab, server)
    await times.read()
    return server, alice, times


async def work(alice: Visitor) -> datetime:
    """Do something that counts; returns the true time before it."""
    now = datetime.now(UTC)
    await alice.api("GET", "contents")
    return now


async def logged(lab: LiveLab, words: str) -> str:
    """Wait until the server has logged something; returns its log."""

    async def said() -> str:
        log = await last_server_log(lab, "alice", "node1")
        return log if words in log else ""

    return await until(said, what=f"{words!r} in the server's log")


async def failed(lab: LiveLab, times: int) -> bool:
    """Whether the server has logged that many attempts that found no hub."""
    log = await last_server_log(lab, "alice", "node1")
    return log.count(f"{FAILED}Cannot connect to host") >= times


async def learned(times: LastActivity, truth: datetime) -> bool:
    """Wait until the hub knows of something that was done."""

    async def known() -> bool:
        at = (await times.read()).hub_server
        return at is not None and at >= truth

    return await until(known, what="the hub has what was done meanwhile")


@pytest.mark.sabotage("server.snippet", "../changes/failed_reports_are_lost.py")
async def test_reports_arrive_after_the_hub_was_down(lab: LiveLab) -> None:
    """Down and up again: attempts that fail are logged, and what was done meanwhile arrives."""
    _, alice, times = await start(lab)
    await lab.programs.end("hub")
    truth = await work(alice)
    await until(lambda: failed(lab, 2), what="two attempts in the server's log")
    own = await times.of_server()
    assert own
    assert own >= truth

    await lab.programs.restart("hub")
    await lab.forget_hub()
    await learned(times, truth)
    log = await logged(lab, RETRIED)
    retries = re.findall(rf"{RETRIED} (\d+) retries", log)
    assert log.count(FAILED) == sum(map(int, retries))  # each of them


@pytest.mark.sabotage("server.snippet", "../changes/reports_wait_two_seconds.py")
async def test_a_report_arrives_when_a_frozen_hub_wakes(lab: LiveLab) -> None:
    """It accepts and says nothing: no server notices, and the report arrives when it wakes."""
    _, alice, times = await start(lab)
    async with freeze(lab, "hub", seconds=30) as fault:
        truth = await work(alice)
        await asyncio.sleep(HANG)
        assert FAILED not in await last_server_log(lab, "alice", "node1")
    assert fault.met
    await learned(times, truth)
    assert FAILED not in await last_server_log(lab, "alice", "node1")


async def refused(lab: LiveLab) -> bool:
    """Whether the hub has refused a report since it started."""
    return any(
        (one.status, one.method, one.path) == (403, "POST", "/hub/api/users/alice/activity")
        for one in await hub_accesses(lab)
    )


@ENDS
async def test_a_hub_with_an_empty_database_refuses_reports(lab: LiveLab) -> None:
    """The hub forgets everybody: reports are 403, and a server runs that no culler will find."""
    server, _, _ = await start(lab)
    await lab.programs.end("hub")
    await lab.empty_database()
    await lab.programs.restart("hub")
    await lab.forget_hub()

    await until(lambda: refused(lab), what="a report that the hub refused")
    assert f"{FAILED}403" in await logged(lab, f"{FAILED}403")
    assert await (await lab.hub()).user("alice") is None
    assert not [route for route in await proxy_routes(lab) if route.user == "alice"]
    assert server.pid in {process.pid for process in await user_processes(lab, "alice")}


@ENDS
async def test_a_server_without_its_token_serves_on(lab: LiveLab) -> None:
    """Without its token a server serves on, and the hub hears of its user by the proxy alone."""
    _, alice, times = await start(lab)
    hub = await lab.hub()
    tokens = (await hub.get("users/alice/tokens"))["api_tokens"]
    own = next(one for one in tokens if str(one["note"]).startswith("Server at /user/alice/"))
    await hub.drop_token("alice", str(own["id"]))

    await until(lambda: refused(lab), what="a report that the hub refused")
    truth = await work(alice)
    await logged(lab, f"{FAILED}403")
    now = await times.read()
    assert now.server
    assert now.proxy
    assert now.hub_server
    assert now.hub_server < truth <= min(now.server, now.proxy)
