"""Waiting for what a probe sees: until it is so, or for how long it has not been."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hublab.errors import Undecided
from hublab.probes.observation import latest_only

T = TypeVar("T")
POLL = 0.1
PATIENCE = 90.0
"""Seconds for what is bound to come: a spawn of a second takes 19 s on a machine ten times busy."""


async def until(
    observe: Callable[[], Awaitable[T | None]],
    *,
    what: str,
    seconds: float = PATIENCE,
    poll: float = POLL,
) -> T:
    """Observe again and again until what is seen is true in Python's sense; returns it.

    Of all that probes see meanwhile the journal gets the last answer to each question. Raises
    Undecided after `seconds`, saying `what` was waited for.
    """
    end = time.monotonic() + seconds
    with latest_only():
        while not (seen := await observe()):
            if time.monotonic() > end:
                raise Undecided(f"{what}: not seen within {seconds:g} s; last: {seen!r}")
            await asyncio.sleep(poll)
        return seen
