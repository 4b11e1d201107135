"""A file on a host whose name and content a snippet or a program there looks for.

With them a test keeps a program at a place for as long as it looks at the rest, where the program
would be past it in milliseconds; or has it fail there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hublab.running.live import LiveLab

FOLDER = "/tmp/hublab-flags"


@contextlib.asynccontextmanager
async def flag_file(live: LiveLab, host: str, name: str, text: str = "wait") -> AsyncIterator[None]:
    """Let the file `name` with `text` stand on a host for a block of code. Raises LabError."""
    path = f"{FOLDER}/{name}"
    script = 'mkdir -p "${1%/*}" && printf %s "$2" > "$1"'
    try:
        await live.run(host, "sh", "-c", script, "-", path, text)
        yield
    finally:
        # Shielded, so that a program does not go on waiting for a test that was cancelled.
        await asyncio.shield(live.run(host, "rm", "-f", path))
