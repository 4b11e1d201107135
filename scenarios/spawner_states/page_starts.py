"""Pages that start a server, asked until they answer within the hub's own second.

A page waits one second for what it started (jupyterhub 6.1, handlers/pages.py,
`_wrap_spawn_single_user`: `asyncio.wait([f], timeout=1)`), then it leads to /hub/spawn-pending
and says no more of it. On a busy machine even a hook that raises at once comes later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp

from hublab.scenario import LiveLab, Undecided, until_state

TRIES = 10


class Shown(NamedTuple):
    """A page: its status, where a redirect leads, its text."""

    status: int
    location: str
    text: str


async def shown(page: aiohttp.ClientResponse) -> Shown:
    """What is wanted of an answer whose redirects are not followed."""
    return Shown(page.status, page.headers.get("Location", ""), await page.text())


async def answered_at_once(lab: LiveLab, user: str, ask: Callable[[], Awaitable[Shown]]) -> Shown:
    """Ask for a start that fails, until the page itself tells of it.

    Raises Undecided when the hub never got as far within its second.
    """
    for _ in range(TRIES):
        page = await ask()
        if "/hub/spawn-pending/" not in page.location:
            return page
        await until_state(lab, user, "stopped")
    raise Undecided(f"a page that tells of a failed start: not seen in {TRIES} tries")
