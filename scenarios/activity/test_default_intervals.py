"""With the defaults the hub hears of a user every five minutes, and of an open page as well.

Why it matters: the other scenarios here shorten every interval. This one shows that nothing but
their length was changed, and how old what the hub says is on a hub that nobody has configured.

Sources:
- jupyterhub 6.1.1, app.py, `last_activity_interval`: 300; singleuser/extension.py,
  `_default_activity_interval`: 300, and jitter of a tenth to each side.
- jupyter_server 2.21, base/websocket.py, `WS_PING_INTERVAL`: 30 s.
- jupyterhub#361: "It is accurate within `JupyterHub.last_activity_interval`, which defaults to
  five minutes."

Not shortened: takes about eight minutes.
"""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from hublab.scenario import Beliefs, LastActivity, LiveLab, last_activity

from .kernels_and_pages import PRINTING, leave_running, new_kernel, open_page, visit

INTERVAL = timedelta(seconds=300)
LATE = timedelta(seconds=60)
"""For jitter, and a machine that is busy."""
PING = 30.0

pytestmark = [pytest.mark.topology("lab"), pytest.mark.slow]


async def watch(times: LastActivity, length: timedelta) -> list[tuple[datetime, Beliefs]]:
    """What the four believe, every five seconds."""
    end = datetime.now(UTC) + length
    seen = []
    while (now := datetime.now(UTC)) < end:
        seen.append((now, await times.read()))
        await asyncio.sleep(5)
    return seen


@pytest.mark.sabotage("hub.JupyterHub.last_activity_interval", 1)
@pytest.mark.sabotage("hub.Spawner.environment", {"JUPYTERHUB_ACTIVITY_INTERVAL": "1"})
@pytest.mark.issue("jupyterhub#361", happens=True, workaround="a shorter last_activity_interval")
async def test_the_hub_hears_of_a_user_every_five_minutes(lab: LiveLab) -> None:
    """last_activity is minutes old: one computes (a server sees it), one has a page (the proxy)."""
    at_work = await lab.spawn("alice", on="node1")
    away = await lab.spawn("bob", on="node2")
    alice, bob = await visit(lab, "alice"), await visit(lab, "bob")
    await leave_running(alice, PRINTING)
    page = f"api/kernels/{await new_kernel(bob)}/channels"
    async with open_page(bob, page):
        both = [await last_activity(lab, one) for one in (at_work, away)]
        seen = await asyncio.gather(*(watch(times, INTERVAL + 2 * LATE) for times in both))
    for beliefs in seen:
        # Some of the time it is old by more than half of the interval, and never by more than it.
        ages = [now - (one.hub_server or now - 10 * INTERVAL) for now, one in beliefs]
        assert INTERVAL / 2 < max(ages) < INTERVAL + LATE
        # It moves by reports and by copies: at most two of each in this time, beside the start.
        assert 2 <= len({one.hub_server for _, one in beliefs}) <= 6
    pongs = sorted({one.proxy for _, one in seen[1] if one.proxy})
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(pongs[1:])]
    assert min(pauses) > PING / 2
    assert max(pauses) < 2 * PING
    assert len({one.server for _, one in seen[1][2:]}) == 1
