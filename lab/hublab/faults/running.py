"""The life of a fault: begun, counted, healed; the same for every kind."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hublab.errors import UsageError
from hublab.journal_events import FaultBegun, FaultHealed
from hublab.live import LiveLab

LONGEST = 600.0
"""Seconds: a fault that was meant to last longer is a mistake."""


class Fault(Protocol):
    """A kind of fault. All methods block; `heal` may be said twice and after the fault's end."""

    kind: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The hosts that it is done to."""

    def begin(self, fault_id: str, seconds: float) -> None:
        """Make it bite for at most `seconds`, even if this process dies at once."""

    def counters(self) -> dict[str, int]:
        """How often it has bitten, by direction or target."""

    def heal(self) -> None:
        """Undo it, and leave nothing behind."""


@dataclass(slots=True)
class RunningFault:
    """A fault that bites now; after its block, what it did."""

    id: str
    kind: str
    targets: tuple[str, ...]
    seconds: float
    _count: Callable[[], dict[str, int]]
    counters: Mapping[str, int] = field(default_factory=dict)
    _healed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def met(self) -> bool:
        """Whether anything of the lab's own met the fault; that it bites is proved at its start."""
        return any(self.counters.values())

    async def count(self) -> Mapping[str, int]:
        """How often it has bitten until now."""
        self.counters = await asyncio.to_thread(self._count)
        return self.counters

    async def wait(self) -> None:
        """Wait until the fault is over by its own time."""
        await self._healed.wait()


@contextlib.asynccontextmanager
async def running(live: LiveLab, fault: Fault, seconds: float) -> AsyncIterator[RunningFault]:
    """Begin a fault and heal it at the end of the block or after `seconds`, what comes first.

    Raises UsageError for a time that is no time.
    """
    if not 0 < seconds <= LONGEST:
        raise UsageError(
            f"a fault cannot last {seconds:g} s", right=f"more than 0 and at most {LONGEST:g} s"
        )
    own = RunningFault(secrets.token_hex(3), fault.kind, fault.targets, seconds, fault.counters)
    begun = time.monotonic()
    try:
        await asyncio.to_thread(fault.begin, own.id, seconds)
        live.record(FaultBegun(own.id, fault.kind, fault.targets, {"seconds": seconds}))
        end = asyncio.create_task(end_in_time(fault, own, seconds))
        try:
            yield own
        finally:
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)
    finally:
        # Shielded: a test that is cancelled must not leave the fault in place.
        await asyncio.shield(heal(live, fault, own, begun))


async def end_in_time(fault: Fault, own: RunningFault, seconds: float) -> None:
    """Heal when the fault's time is over, though its block may go on."""
    await asyncio.sleep(seconds)
    await own.count()
    await asyncio.to_thread(fault.heal)
    own._healed.set()


async def heal(live: LiveLab, fault: Fault, own: RunningFault, begun: float) -> None:
    """Read the counters for the last time, undo the fault and say so in the journal."""
    evidence: dict[str, Any] = {}
    if not own._healed.is_set():
        try:
            await own.count()
        except Exception as error:  # counting must never keep a fault from being healed
            evidence["uncounted"] = str(error)
        await asyncio.to_thread(fault.heal)
        own._healed.set()
    seconds = round(time.monotonic() - begun, 3)
    live.record(FaultHealed(own.id, seconds, {**own.counters, **evidence}))
