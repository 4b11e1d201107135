"""A fault whose beginning is interrupted is healed after it has begun, never before."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from hublab.errors import LabError
from hublab.faults.lifecycle import running
from hublab.running.live import LiveLab


class Slow:
    """A fault that takes its time to begin, as one does whose sidecars must start first."""

    kind = "slow"
    targets = ("node1",)

    def __init__(self, error: LabError | None = None) -> None:
        self.begins = threading.Event()
        self.error = error
        self.said: list[str] = []

    def begin(self, fault_id: str, seconds: float) -> None:
        self.begins.set()
        time.sleep(0.3)
        self.said.append("bites")
        if self.error:
            raise self.error

    def counters(self) -> dict[str, int]:
        return {}

    def heal(self) -> None:
        self.said.append("healed")


class Nowhere:
    """A lab that keeps no journal."""

    def record(self, event: object) -> None:
        pass


async def bite(fault: Slow) -> None:
    live: LiveLab = Nowhere()  # type: ignore[assignment]
    async with running(live, fault, 60):
        await asyncio.sleep(60)


async def interrupt(fault: Slow, times: int) -> None:
    """Cancel as Ctrl-C does, again and again as an impatient person does."""
    task = asyncio.create_task(bite(fault))
    await asyncio.to_thread(fault.begins.wait)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("error", [None, LabError("it does not bite")])
def test_cancelled_while_it_begins(times: int, error: LabError | None) -> None:
    fault = Slow(error)
    asyncio.run(interrupt(fault, times))
    assert fault.said == ["bites", "healed"]


def test_ended_with_its_loop_while_it_begins() -> None:
    """A second Ctrl-C ends the loop at once: asyncio.run cancels what is left in it."""
    fault = Slow()

    async def leave() -> None:
        asyncio.get_running_loop().left = asyncio.create_task(bite(fault))  # type: ignore[attr-defined]
        await asyncio.to_thread(fault.begins.wait)

    asyncio.run(leave())
    assert fault.said == ["bites", "healed"]


def test_what_keeps_it_from_beginning_is_told() -> None:
    fault = Slow(LabError("it does not bite"))
    with pytest.raises(LabError, match="it does not bite"):
        asyncio.run(bite(fault))
    assert fault.said == ["bites", "healed"]
