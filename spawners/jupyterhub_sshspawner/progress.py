"""What the user sees while a server starts: one story, any number of readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any


class Progress:
    """Events of one start. Several browser tabs may follow it, from its beginning."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._ended = False
        self._more = asyncio.Event()

    def say(self, percent: int, message: str) -> None:
        """Add an event."""
        self._events.append({"progress": percent, "message": message})
        self._wake()

    @property
    def last(self) -> str:
        """What was said last; empty before anything was."""
        return str(self._events[-1]["message"]) if self._events else ""

    def end(self) -> None:
        """Nothing more will be said."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """All events, waiting for those to come."""
        told = 0
        while True:
            more = self._more
            while told < len(self._events):
                yield dict(self._events[told])
                told += 1
            if self._ended:
                return
            await more.wait()
