"""One switch of a lab's settings at a time, whichever processes ask for one."""

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
async def settings_lock(lab: str, say: Progress) -> AsyncIterator[None]:
    """Keep other switches of a lab away, from reading its settings until the restarts end.

    A wait for another process is said. Waiting stands still for nobody: it ends with Ctrl-C.
    """
    lock = FileLock(lab_folder(lab) / "switch.lock", is_singleton=True, thread_local=False)
    said = False
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            if not said:
                say(f"the settings of {lab} are being changed; waiting for that")
                said = True
            await asyncio.sleep(POLL)
    try:
        yield
    finally:
        lock.release()
