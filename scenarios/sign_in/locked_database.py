"""Another program of the hub's host that holds the hub's SQLite file, for a block of code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hublab.scenario import PYTHON, LiveLab, flag_file, until

DATABASE = "/srv/jupyterhub/jupyterhub.sqlite"
HELD, HOLDS = "/tmp/hublab-flags/held", "hold"
BOUND = 60
"""Seconds after which the lock ends by itself, whatever happens to whoever asked for it."""
HOLD = """
import sqlite3, sys, time
from pathlib import Path
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute(f"BEGIN {sys.argv[2]}")
held, flag, end = Path(sys.argv[3]), Path(sys.argv[4]), time.monotonic() + float(sys.argv[5])
held.touch()
while flag.exists() and time.monotonic() < end:
    time.sleep(0.02)
held.unlink()
"""


@asynccontextmanager
async def locked_database(lab: LiveLab, kind: str = "EXCLUSIVE") -> AsyncIterator[None]:
    """The hub's database locked for a block: for all others, or for writers alone (IMMEDIATE).

    The kinds are those of SQLite's BEGIN.
    """
    holding = None
    try:
        async with flag_file(lab, "hub", HOLDS):
            flag = f"/tmp/hublab-flags/{HOLDS}"
            argv = (PYTHON, "-c", HOLD, DATABASE, kind, HELD, flag, str(BOUND))
            holding = asyncio.create_task(lab.run("hub", *argv))

            async def held() -> bool:
                return holding.done() or await lab.read_file("hub", HELD) is not None

            await until(held, what="the lock of the database")
            yield
    finally:
        if holding:
            await holding
