"""The idle culler stops whom the hub knows nothing new of, which is not always who is idle.

Why it matters: the culler asks the hub, not the servers. It stops a computation that says nothing,
keeps a page that somebody forgot, and where a report is late or a clock is ahead it stops
who is at work. Each of these has been reported as its fault, and is a setting elsewhere.

Sources:
- jupyterhub-idle-culler 2.0.0, `cull_idle`: `now - last_activity` of the server in the hub's
  answer to `GET /users?state=ready`, by the culler's own clock; at least `--timeout` is idle.
- its README, "Caveats": the timeout "should be greater than the sum of" the ping interval and
  `last_activity_interval`; "How it works": reports of servers, and the proxy's routes.
- What counts: test_what_counts.py, test_idle_tab.py; what the hub learns: test_who_reports.py.
- jupyterhub#5529 (open): with last_activity_interval = 0 the servers' reports alone count.

Shortened: intervals of a second instead of five minutes, a timeout of ten seconds instead of ten
minutes. The culler is started as its README's "standalone script" once all is prepared, for one
round. What varies the first experiment is marked slow: each waits for a timeout.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from hublab.scenario import PYTHON, Case, LiveLab, activity, clock, until

from .kernels_and_pages import (
    PRINTING_AT_WORK,
    SILENT_AT_WORK,
    leave_running,
    new_kernel,
    open_page,
    pings,
    still_at_work,
    visit,
)

ASKED = "hub.JupyterHub.last_activity_interval"
ENVIRONMENT = "hub.Spawner.environment"
REPORTS = {"JUPYTERHUB_ACTIVITY_INTERVAL": "1"}
TIMEOUT = 10
ROUND = 3.0
"""Seconds: all of a round's requests are sent when the first server is gone."""
START = 'nohup "$@" >/dev/null 2>&1 </dev/null & echo $!'
IDLE, BUSY_KERNEL, PRINTING_KERNEL, OPEN_PAGE = "alice", "bob", "carol", "dave"
NODE_OF = {IDLE: "node1", BUSY_KERNEL: "node2", PRINTING_KERNEL: "node1", OPEN_PAGE: "node2"}

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("server.ServerApp.tornado_settings", [pings(1000)]),
]


async def running_servers(lab: LiveLab) -> set[str]:
    """Whose servers run."""
    return {server.user for server in await lab.servers() if server.ready}


async def idle_for_long(lab: LiveLab, users: set[str]) -> None:
    """Wait until the hub has heard nothing of these users' servers for the timeout."""

    async def old() -> bool:
        rows = [row for user in users for row in await activity(lab, user) if row.name == ""]
        return all((row.hub.age or 0) > TIMEOUT for row in rows)

    await until(old, what=f"the hub knows nothing new of {', '.join(users)}")


async def culled(lab: LiveLab, expected: set[str]) -> set[str]:
    """Who was stopped in one round of the culler, which those expected are given time to be."""
    hub = lab.one("hub")
    before = await running_servers(lab)
    options = [f"--timeout={TIMEOUT}", "--cull-every=3600", f"--url={(await lab.hub()).url}"]
    argv = ["sh", "-c", START, "-", PYTHON, "-m", "jupyterhub_idle_culler", *options]
    token = {"JUPYTERHUB_API_TOKEN": await lab.secret("api_token")}
    done = await lab.exec(hub.service, *argv, environment=token)

    async def gone() -> bool:
        return not expected & await running_servers(lab)

    try:
        await until(gone, what=f"{', '.join(expected)} culled")
        await asyncio.sleep(ROUND)
    finally:
        await lab.run(hub.service, "sh", "-c", 'kill "$1"', "-", done.stdout.strip())
    return before - await running_servers(lab)


async def four_users(lab: LiveLab, stack: contextlib.AsyncExitStack) -> None:
    """One does nothing, one computes in silence, one computes and prints, one left a page open."""
    for user, node in NODE_OF.items():
        await lab.spawn(user, on=node)
    await leave_running(await visit(lab, PRINTING_KERNEL), PRINTING_AT_WORK)
    away = await visit(lab, OPEN_PAGE)
    page = f"api/kernels/{await new_kernel(away)}/channels"
    await stack.enter_async_context(open_page(away, page))
    await leave_running(await visit(lab, BUSY_KERNEL), SILENT_AT_WORK)


async def culled_of_four(lab: LiveLab, expected: set[str]) -> set[str]:
    """Who of these four is stopped, once the hub knows nothing new of those expected; two of them
    are at work when the culler comes.
    """
    async with contextlib.AsyncExitStack() as stack:
        await four_users(lab, stack)
        await idle_for_long(lab, expected)
        for user in (BUSY_KERNEL, PRINTING_KERNEL):
            await still_at_work(lab, user, NODE_OF[user])
        return await culled(lab, expected)


@pytest.mark.issue(
    "jupyterhub-idle-culler#10",
    "jupyterhub-idle-culler#55",
    "jupyterhub#1498",
    happens=True,
    workaround="print something now and then",
)
@pytest.mark.issue(
    "nebari-dev/nebari#974",
    happens=True,
    workaround="last_activity_interval = 0, or ws_ping_interval = 0",
)
@pytest.mark.finding(
    "The rule for the timeout leaves out how often servers report",
    project="jupyterhub-idle-culler",
    steps="last_activity_interval = 1, ws_ping_interval = 1000, --timeout=10, the default of "
    "JUPYTERHUB_ACTIVITY_INTERVAL; a kernel prints while no page is open.",
    expected="Not culled: the timeout is 'greater than the sum of' the two (README, Caveats).",
    seen="Culled: the server says for five minutes nothing of what its kernel does.",
)
@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS, {}])
async def test_silent_servers_are_culled_even_at_work(lab: LiveLab, case: Case) -> None:
    """Culled while at work: the silent go, an open page stays, who prints stays if reported."""
    expected = {IDLE, BUSY_KERNEL} | (set() if case[ENVIRONMENT] else {PRINTING_KERNEL})
    assert await culled_of_four(lab, expected) == expected


@pytest.mark.slow
@pytest.mark.matrix(ASKED, [0])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS])
@pytest.mark.sabotage(ASKED, 1)
async def test_without_the_proxys_word_an_open_page_is_culled(lab: LiveLab) -> None:
    """If the proxy is not asked, only what servers say counts: an open page is culled."""
    expected = {IDLE, BUSY_KERNEL, OPEN_PAGE}
    assert await culled_of_four(lab, expected) == expected


@pytest.mark.slow
@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS])
@pytest.mark.sabotage(ENVIRONMENT, {"JUPYTERHUB_ACTIVITY_INTERVAL": "0"})
async def test_a_server_on_a_node_ahead_outlives_another(lab: LiveLab) -> None:
    """Two idle servers: the one whose node is half an hour ahead outlives the other."""
    async with clock(lab, "node2", ahead=1800, seconds=300):
        await lab.spawn("bob", on="node2")
    await lab.spawn("alice", on="node1")
    await idle_for_long(lab, {"alice"})
    assert await culled(lab, {"alice"}) == {"alice"}


@pytest.mark.slow
@pytest.mark.issue(
    "jupyterhub-idle-culler#43",
    happens=True,
    workaround="clocks that agree, where that is the reason",
)
@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS])
@pytest.mark.sabotage("hub.snippet", "../changes/reports_are_new.py")
async def test_a_hub_ahead_culls_who_is_at_work(lab: LiveLab) -> None:
    """Hub and culler are ahead: everything they hear is old, and who is at work is culled."""
    async with clock(lab, "hub", ahead=1800, seconds=300), contextlib.AsyncExitStack() as stack:
        await lab.programs.restart("hub")
        await lab.forget_hub()
        await lab.spawn("carol", on="node1")
        carol = await visit(lab, "carol")
        kernel = await new_kernel(carol)
        await stack.enter_async_context(open_page(carol, f"api/kernels/{kernel}/channels"))
        async with carol.connect(kernel) as page:
            await page.start(PRINTING_AT_WORK)
        await idle_for_long(lab, {"carol"})
        await still_at_work(lab, "carol", "node1")
        assert await culled(lab, {"carol"}) == {"carol"}
