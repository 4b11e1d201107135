"""A lock for each lab: one process at a time changes its settings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from filelock import FileLock, Timeout

from hublab.paths import lab_folder
from hublab.progress import Progress

POLL = 0.1
"""Seconds between two tries for the lock."""


@contextlib.asynccontextmanager
async def settings_lock(lab: str, progress: Progress) -> AsyncIterator[None]:
    """Hold the lock from reading a lab's settings until the restarts end; report a wait for it.

    The wait polls, so that Ctrl-C ends it.
    """
    lock = FileLock(lab_folder(lab) / "switch.lock", is_singleton=True, thread_local=False)
    reported = False
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            if not reported:
                progress(f"the settings of {lab} are being changed; waiting for that")
                reported = True
            await asyncio.sleep(POLL)
    try:
        yield
    finally:
        lock.release()
