"""The life of a fault: begun, counted, healed; the same for every kind."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hublab.errors import HublabError, UsageError
from hublab.journal.events import FaultBegun, FaultHealed
from hublab.running.live import LiveLab

SHORTEST, LONGEST = 1.0, 600.0
"""Seconds: proving a fault takes a part of one; one meant to last longer is a mistake."""


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
    _healing: asyncio.Lock = field(default_factory=asyncio.Lock)

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

    Raises UsageError for a time that is no time, LabError when it could not be healed.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(
            f"a fault cannot last {seconds:g} s",
            hint=f"at least {SHORTEST:g} and at most {LONGEST:g} s",
        )
    own = RunningFault(secrets.token_hex(3), fault.kind, fault.targets, seconds, fault.counters)
    begun = time.monotonic()
    try:
        await to_its_end(lambda: fault.begin(own.id, seconds))
        live.record(FaultBegun(own.id, fault.kind, fault.targets, {"seconds": seconds}))
        end = asyncio.create_task(end_in_time(live, fault, own, begun))
        try:
            yield own
        finally:
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)
    finally:
        # Shielded: a test that is cancelled must not leave the fault in place.
        await asyncio.shield(heal(live, fault, own, begun))


async def to_its_end(work: Callable[[], None]) -> None:
    """Do blocking work in a thread; when cancelled, come back only once the work has ended.

    A thread cannot be cancelled: a fault that went on beginning would bite after its healing.
    """
    # No task, which the end of the event loop would cancel and so forget about the thread.
    begun = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled: asyncio.CancelledError | None = None
    while not begun.done():
        try:
            await asyncio.wait([begun])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return begun.result()
    begun.exception()  # looked at, so that asyncio does not complain that nobody has
    raise cancelled


async def end_in_time(live: LiveLab, fault: Fault, own: RunningFault, begun: float) -> None:
    """Heal when the fault's time is over, though its block may go on."""
    await asyncio.sleep(own.seconds)
    await asyncio.shield(heal(live, fault, own, begun))


async def heal(live: LiveLab, fault: Fault, own: RunningFault, begun: float) -> None:
    """Read the counters for the last time, undo the fault and say so in the journal; once."""
    async with own._healing:
        if own._healed.is_set():
            return
        evidence: dict[str, Any] = {}
        try:
            await own.count()
        except HublabError as error:  # counting must never keep a fault from being healed
            evidence["uncounted"] = error.message
        try:
            await asyncio.to_thread(fault.heal)
        finally:
            own._healed.set()  # whoever waits for the end must not wait for ever
        seconds = round(time.monotonic() - begun, 3)
        live.record(FaultHealed(own.id, seconds, {**own.counters, **evidence}))
