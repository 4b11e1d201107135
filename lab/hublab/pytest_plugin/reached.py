"""Where a test failed, its journal says which hops are broken and which settings govern them.

`reach` is asked once, before the fault of the case is healed and the lab is reset. What the test
itself has healed by then is not seen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hublab.errors import HublabError
from hublab.journal.events import Note
from hublab.pytest_plugin.evidence_store import EVIDENCE, FAILED_AT

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.running.live import LiveLab

LONGEST = 15.0
"""Seconds: a hop that is silent takes six, and hosts are asked at the same time."""


async def reach_after_failure(item: pytest.Item, live: LiveLab) -> None:
    """Try every hop and record what that means, if the test has failed and evidence is kept."""
    from hublab.diagnosis.reach import diagnose
    from hublab.diagnosis.told import diagnosed
    from hublab.probes.reach import reach

    config = item.config
    if FAILED_AT not in item.stash or config.getoption("sabotage"):
        return
    if config.stash[EVIDENCE].keep == "none":
        return
    try:
        async with asyncio.timeout(LONGEST):
            live.record(diagnosed(live.name, diagnose(await reach(live))))
    except (HublabError, TimeoutError) as error:  # it must not hide why the test failed
        reason = str(error) or f"no answer in {LONGEST:.0f} s"
        live.record(Note("the hops could not be tried after the failure", {"error": reason}))
