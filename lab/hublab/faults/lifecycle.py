"""The life of a fault of any kind: it begins, is counted, and is healed."""

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
"""Seconds: proving a fault takes a part of one; a longer fault is probably a mistake."""


class Fault(Protocol):
    """A kind of fault. All methods block; `heal` may be called again, and after the fault's end."""

    kind: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The hosts that the fault affects."""

    def begin(self, fault_id: str, seconds: float) -> None:
        """Start the fault for at most `seconds`, even if this process dies at once."""

    def counters(self) -> dict[str, int]:
        """How often the fault has had an effect, by direction or target."""

    def heal(self) -> None:
        """Undo the fault, and leave nothing behind."""


@dataclass(slots=True)
class RunningFault:
    """A fault that is in effect; after its block, what it did."""

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
        """Whether traffic or processes of the lab met the fault, beyond the proof at its start."""
        return any(self.counters.values())

    async def count(self) -> Mapping[str, int]:
        """Read how often the fault has had an effect until now."""
        self.counters = await asyncio.to_thread(self._count)
        return self.counters

    async def wait(self) -> None:
        """Wait until the fault's time is over and it is healed."""
        await self._healed.wait()


@contextlib.asynccontextmanager
async def running(live: LiveLab, fault: Fault, seconds: float) -> AsyncIterator[RunningFault]:
    """Begin a fault, and heal it at the end of the block or after `seconds`, whichever is first.

    Raises UsageError for a time out of range, LabError when the fault could not be healed.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise UsageError(
            f"a fault cannot last {seconds:g} s",
            hint=f"at least {SHORTEST:g} and at most {LONGEST:g} s",
        )
    own = RunningFault(secrets.token_hex(3), fault.kind, fault.targets, seconds, fault.counters)
    begun = time.monotonic()
    try:
        await run_to_completion(lambda: fault.begin(own.id, seconds))
        begun = time.monotonic()  # as long as it is in effect: to begin it may take a second
        live.record(FaultBegun(own.id, fault.kind, fault.targets, {"seconds": seconds}))
        end = asyncio.create_task(heal_after_time(live, fault, own, begun))
        try:
            yield own
        finally:
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)
    finally:
        # Shielded: a test that is cancelled must not leave the fault in place.
        await asyncio.shield(heal(live, fault, own, begun))


async def run_to_completion(work: Callable[[], None]) -> None:
    """Run blocking work in a thread; when cancelled, return only once the work has ended.

    A thread cannot be cancelled: a fault that was still starting would take effect after its
    healing.
    """
    # Not a task: the end of the event loop would cancel that and not wait for the thread.
    begun = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled: asyncio.CancelledError | None = None
    while not begun.done():
        try:
            await asyncio.wait([begun])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return begun.result()
    begun.exception()  # retrieved, so that asyncio does not log it as never retrieved
    raise cancelled


async def heal_after_time(live: LiveLab, fault: Fault, own: RunningFault, begun: float) -> None:
    """Heal the fault when its time is over, even if its block goes on."""
    await asyncio.sleep(own.seconds)
    await asyncio.shield(heal(live, fault, own, begun))


async def heal(live: LiveLab, fault: Fault, own: RunningFault, begun: float) -> None:
    """Read the counters for the last time, undo the fault and record that; only once."""
    async with own._healing:
        if own._healed.is_set():
            return
        evidence: dict[str, Any] = {}
        try:
            await own.count()
        except HublabError as error:  # an error in counting must not prevent the healing
            evidence["uncounted"] = error.message
        try:
            await asyncio.to_thread(fault.heal)
        finally:
            own._healed.set()  # those who wait for the end must not wait for ever
        seconds = round(time.monotonic() - begun, 3)
        live.record(FaultHealed(own.id, seconds, {**own.counters, **evidence}))
