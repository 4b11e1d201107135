"""The hub is told by the servers and asks the proxy, each now and then, and keeps the latest time.

Why it matters: the hub does not see what users do on other hosts. What it knows of them is minutes
old, by two settings in two places: `JupyterHub.last_activity_interval` for what the proxy saw,
and JUPYTERHUB_ACTIVITY_INTERVAL in the servers' environment for what they say themselves.
Whoever culls by the hub's times must know both.

Sources:
- jupyterhub 6.1.1, singleuser/extension.py, `keep_activity_updated`: "add 20% jitter to the
  interval", half of it to each side; not at all for 0. `notify_activity`: what is posted.
- REST API documentation, `POST /users/{name}/activity`.
- jupyterhub/app.py, `update_last_activity`: `max(spawner.last_activity, dt)` from the proxy's
  routes, every `last_activity_interval` seconds; jupyterhub/apihandlers/users.py,
  `ActivityAPIHandler`: only what is later than the hub's own time.

Shortened: both intervals are five minutes by default.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from hublab.scenario import (
    RECORDER_URL,
    ActivityReport,
    Beliefs,
    Case,
    LiveLab,
    last_activity,
    record_reports,
    until,
)

from .kernels_and_pages import leave_running, reported_every, visit

ASKED = "hub.JupyterHub.last_activity_interval"
ENVIRONMENT = "hub.Spawner.environment"
TOLD = "JUPYTERHUB_ACTIVITY_INTERVAL"
RECORDED = {"JUPYTERHUB_ACTIVITY_URL": RECORDER_URL.format(user="alice")}
A_LITTLE = "import time\nfor n in range(15): time.sleep(0.3); print(n, flush=True)"
ICON = "user/alice/static/favicons/favicon.ico"
MILLISECOND = timedelta(milliseconds=1)
"""The proxy's times have no more digits."""
LONGEST = timedelta(seconds=5)
LATE = 0.3
"""Seconds that a report may come later than the server meant it to."""
QUIET = 2.5
"""Seconds: twice the interval of one second here, after which a change would have been seen."""

pytestmark = pytest.mark.topology("lab")


@pytest.mark.finding(
    "A server reports at every interval, though nothing happened",
    project="jupyterhub",
    steps="Leave a server alone and record its POSTs to JUPYTERHUB_ACTIVITY_URL.",
    expected="Without activity since the last report nothing is posted: it logs 'No activity "
    "since …' and returns (singleuser/extension.py, notify_activity).",
    seen="The same time is posted again and again. It is skipped only if it is earlier than the "
    "last one (`<`), and it never is.",
)
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "1", **RECORDED}, {TOLD: "3", **RECORDED}])
@pytest.mark.sabotage(
    "server.snippet",
    "../changes/reports_what_is_new.py",
    sentence="A server reports at every interval, though nothing happened",
)
async def test_a_server_posts_at_each_interval(lab: LiveLab, case: Case) -> None:
    """Recorded on its node: at start, then at each interval, the same while nothing happens."""
    interval = reported_every(case)
    recorder = await lab.enter(record_reports(lab, "node1", account="dave"))
    await lab.spawn("alice", on="node1")

    async def at_their_time() -> list[ActivityReport]:
        """All reports, once two have followed each other as soon as this interval allows.

        A busy machine makes pauses longer, never shorter.
        """
        seen = await recorder.reports()
        return seen if len(seen) >= 4 and min(pauses(seen)) < 1.1 * interval + LATE else []

    idle = await until(at_their_time, what=f"reports {interval} s from each other")
    assert min(pauses(idle)) > 0.9 * interval - LATE
    time = idle[0].body["last_activity"]
    body = {"servers": {"": {"last_activity": time}}, "last_activity": time}
    assert [(one.path, one.body, one.status) for one in idle] == [
        ("/users/alice/activity", body, 200)
    ] * len(idle)


@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "600", **RECORDED}])
@pytest.mark.sabotage("server.snippet", "../changes/reports_not_at_the_start.py")
async def test_the_first_report_comes_at_the_start(lab: LiveLab) -> None:
    """With an interval of ten minutes the hub is told at the start, and not ten minutes later."""
    recorder = await lab.enter(record_reports(lab, "node1", account="dave"))
    await lab.spawn("alice", on="node1")
    (first,) = await until(recorder.reports, what="a report of the server's start")
    assert (first.path, first.status) == ("/users/alice/activity", 200)


def pauses(reports: Sequence[ActivityReport]) -> list[float]:
    """Seconds between each two reports that follow each other."""
    return [after.at - before.at for before, after in itertools.pairwise(reports)]


def believed(case: Case, start: datetime | None, now: Beliefs) -> datetime:
    """What the hub must have for the server: the latest of those that it hears of."""
    asked = [now.proxy] if case[ASKED] else []
    told = [now.server] if reported_every(case) else []
    return max(time for time in (start, *asked, *told) if time)


@pytest.mark.issue(
    "jupyterhub#361",
    "jupyterhub#2041",
    happens=True,
    workaround="a shorter last_activity_interval",
)
@pytest.mark.finding(
    "The documentation says that activity is the proxy's alone",
    project="jupyterhub",
    steps="last_activity_interval = 0, so that the proxy is never asked; let a kernel print.",
    expected="'If the proxy does not track activity, then only activity to the Hub itself is "
    "tracked, and services such as cull-idle will not work' (howto/proxy.md).",
    seen="The hub has the server's own time, which the server reports.",
)
@pytest.mark.matrix(ASKED, [0, 1])
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "0"}, {TOLD: "1"}])
@pytest.mark.sabotage("hub.snippet", "../changes/proxy_saw_nothing.py", sentence="then the proxy")
async def test_the_hub_keeps_the_later_time(lab: LiveLab, case: Case) -> None:
    """First the server is the last to see something, then the proxy: the hub has the later time."""
    server = await lab.spawn("alice", on="node1")
    times = await last_activity(lab, server)
    start = (await times.read()).hub_server
    alice = await visit(lab, "alice")

    async def agreed() -> bool:
        now = await times.read()
        return now.hub_server == believed(case, start, now)

    async def rests() -> Beliefs | None:
        before = await times.read()
        await asyncio.sleep(QUIET)
        now = await times.read()
        return now if now == before and await agreed() else None

    await leave_running(alice, A_LITTLE)
    resting = await until(rests, what="the hub has what it can know, and keeps it")
    assert resting
    assert resting.server
    assert resting.proxy
    assert resting.server > resting.proxy  # the page was closed before the cell ended

    async with alice.session.get(alice.origin / ICON) as answer:
        assert answer.status == 200
    later = await until(rests, what="the hub has what it can know, and keeps it")
    assert later
    assert later.moved_since(resting) == (
        {"proxy", "hub_server", "hub_user"} if case[ASKED] else {"proxy"}
    )


@pytest.mark.matrix(ASKED, [1, 5])
@pytest.mark.matrix(ENVIRONMENT, [{TOLD: "0"}])
async def test_the_hub_has_stale_copies_of_what_the_proxy_saw(lab: LiveLab, case: Case) -> None:
    """Two know of each action while it is done; the hub has stale copies of what the proxy saw."""
    server = await lab.spawn("alice", on="node1")
    times = await last_activity(lab, server)
    alice = await visit(lab, "alice")
    seen = [await times.read()]
    begun = datetime.now(UTC)
    while (now := datetime.now(UTC)) < begun + 2 * LONGEST:
        await alice.api("GET", "contents")
        seen.append(await times.read())
        for belief in (seen[-1].server, seen[-1].proxy):
            assert belief
            assert now - MILLISECOND <= belief <= datetime.now(UTC)
        await asyncio.sleep(0.2)

    copies = {one.hub_server for one in seen}
    assert copies <= {seen[0].hub_server, *(one.proxy for one in seen)}
    assert [one.hub_server for one in seen] == sorted(
        one.hub_server for one in seen if one.hub_server
    )
    rounds = (now - begun).total_seconds() / int(str(case[ASKED]))
    assert rounds / 2 - 1 <= len(copies) <= rounds + 2
