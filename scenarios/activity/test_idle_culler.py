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

Shortened: intervals of a second instead of five minutes, a timeout of eight seconds instead of ten
minutes. What varies the first experiment is marked slow: each waits for two timeouts.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from doings import BUSY, PRINTING, leave_running, new_kernel, open_page, pings, visit

from hublab.case_switch import restart
from hublab.faults import clock
from hublab.live import LiveLab
from hublab.matrix import Case
from hublab.probes.waiting import until
from hublab.settings_check import PYTHON

ASKED = "hub.JupyterHub.last_activity_interval"
ENVIRONMENT = "hub.Spawner.environment"
REPORTS = {"JUPYTERHUB_ACTIVITY_INTERVAL": "1"}
TIMEOUT = 8
ROLE = {
    "name": "idle-culler",
    "services": ["idle-culler"],
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
}
IDLE, BUSY_KERNEL, PRINTING_KERNEL, OPEN_PAGE = "alice", "bob", "carol", "dave"


def culler(timeout: int) -> dict[str, Any]:
    """The culler as a service that the hub starts, as its README has it."""
    options = [f"--timeout={timeout}", "--cull-every=1"]
    return {"name": "idle-culler", "command": [PYTHON, "-m", "jupyterhub_idle_culler", *options]}


pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.JupyterHub.services", [[culler(TIMEOUT)]]),
    pytest.mark.matrix("hub.JupyterHub.load_roles", [[ROLE]]),
    pytest.mark.matrix("server.ServerApp.tornado_settings", [pings(1000)]),
]


async def running_servers(lab: LiveLab) -> set[str]:
    """Whose servers run."""
    return {server.user for server in await lab.servers() if server.ready}


async def kept(lab: LiveLab, expected: set[str]) -> set[str]:
    """Who is left when those who are not expected have gone, and one timeout later."""

    async def gone() -> bool:
        return await running_servers(lab) <= expected

    await until(gone, seconds=60, what=f"all culled but {', '.join(expected) or 'nobody'}")
    await asyncio.sleep(TIMEOUT)  # who is idle for the hub does not last longer
    return await running_servers(lab)


async def four_users(lab: LiveLab, stack: contextlib.AsyncExitStack) -> None:
    """One does nothing, one computes in silence, one computes and prints, one left a page open."""
    users = (IDLE, BUSY_KERNEL, PRINTING_KERNEL, OPEN_PAGE)
    nodes = ("node1", "node2", "node1", "node2")
    await asyncio.gather(
        *(lab.spawn(user, on=node) for user, node in zip(users, nodes, strict=True))
    )
    visits = dict(
        zip(users, await asyncio.gather(*(visit(lab, one) for one in users)), strict=True)
    )
    await asyncio.gather(
        leave_running(visits[PRINTING_KERNEL], PRINTING),
        leave_running(visits[BUSY_KERNEL], BUSY),
    )
    page = f"api/kernels/{await new_kernel(visits[OPEN_PAGE])}/channels"
    await stack.enter_async_context(open_page(visits[OPEN_PAGE], page))


@pytest.mark.issue(
    "jupyterhub-idle-culler#10",
    "jupyterhub-idle-culler#55",
    "jupyterhub#1498",
    happens=True,
    cure="print something now and then",
)
@pytest.mark.issue(
    "nebari-dev/nebari#974",
    happens=True,
    cure="last_activity_interval = 0, or ws_ping_interval = 0",
)
@pytest.mark.finding(
    "The rule for the timeout leaves out how often servers report",
    project="jupyterhub-idle-culler",
    steps="last_activity_interval = 1, ws_ping_interval = 1000, --timeout=8, the default of "
    "JUPYTERHUB_ACTIVITY_INTERVAL; a kernel prints while no page is open.",
    expected="Not culled: the timeout is 'greater than the sum of' the two (README, Caveats).",
    seen="Culled: the server says for five minutes nothing of what its kernel does.",
)
@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS, {}])
async def test_who_is_culled(lab: LiveLab, case: Case) -> None:
    """The silent go, at work or not; an open page stays; who prints stays if that is reported."""
    expected = {OPEN_PAGE, PRINTING_KERNEL} if case[ENVIRONMENT] else {OPEN_PAGE}
    async with contextlib.AsyncExitStack() as stack:
        await four_users(lab, stack)
        assert await kept(lab, expected) == expected


@pytest.mark.slow
@pytest.mark.matrix(ASKED, [0])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS])
@pytest.mark.sabotage(ASKED, 1)
async def test_the_cure_for_open_pages(lab: LiveLab) -> None:
    """If the proxy is not asked, only what servers say counts: an open page is culled."""
    async with contextlib.AsyncExitStack() as stack:
        await four_users(lab, stack)
        assert await kept(lab, {PRINTING_KERNEL}) == {PRINTING_KERNEL}


@pytest.mark.slow
@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS])
@pytest.mark.sabotage(ENVIRONMENT, {"JUPYTERHUB_ACTIVITY_INTERVAL": "0"})
async def test_node_ahead(lab: LiveLab) -> None:
    """Two idle servers: the one whose node is half an hour ahead outlives the other."""
    async with clock(lab, "node2", ahead=1800, seconds=300):
        await lab.spawn("bob", on="node2")
    await lab.spawn("alice", on="node1")
    assert await kept(lab, {"bob"}) == {"bob"}


@pytest.mark.slow
@pytest.mark.issue(
    "jupyterhub-idle-culler#43", happens=True, cure="clocks that agree, where that is the reason"
)
@pytest.mark.matrix(ASKED, [1])
@pytest.mark.matrix(ENVIRONMENT, [REPORTS])
@pytest.mark.sabotage("hub.JupyterHub.services", [culler(600)])
async def test_hub_ahead(lab: LiveLab) -> None:
    """Hub and culler are ahead: everything they hear is old, and who is at work is culled."""
    async with clock(lab, "hub", ahead=1800, seconds=300), contextlib.AsyncExitStack() as stack:
        await restart(lab.lab, "hub")
        await lab.forget_hub()
        await lab.spawn("carol", on="node1")
        carol = await visit(lab, "carol")
        kernel = await new_kernel(carol)
        await stack.enter_async_context(open_page(carol, f"api/kernels/{kernel}/channels"))
        async with carol.connect(kernel) as page:
            await page.start(PRINTING)
        assert await kept(lab, set()) == set()
