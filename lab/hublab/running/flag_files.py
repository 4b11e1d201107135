"""A file on a host whose name and content a snippet or a program there looks for.

A test holds a program at a point with it, while it looks at the rest of the lab, or makes the
program fail there. Without it the program would pass that point within milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hublab.running.live import LiveLab

FOLDER = "/tmp/hublab-flags"


@contextlib.asynccontextmanager
async def flag_file(live: LiveLab, host: str, name: str, text: str = "wait") -> AsyncIterator[None]:
    """Keep a file with `text` on a host for a block of code. Raises LabError."""
    path = f"{FOLDER}/{name}"
    script = 'mkdir -p "${1%/*}" && printf %s "$2" > "$1"'
    try:
        await live.run(host, "sh", "-c", script, "-", path, text)
        yield
    finally:
        # Shielded: after a cancelled test the program must not wait for ever.
        await asyncio.shield(live.run(host, "rm", "-f", path))
