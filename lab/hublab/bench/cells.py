"""One cell of a matrix after another: against one in a cold lab (`--lab-cold`), and captured."""

from __future__ import annotations

import asyncio
import contextlib
import time

from hublab.bench.measure import Part
from hublab.capture.capture import Capture
from hublab.capture.image import capture_image
from hublab.cases.labs import Labs
from hublab.cases.matrix import Case
from hublab.cases.options import DEFAULT_TOPOLOGY, LabOptions
from hublab.cases.runner import CaseRunner
from hublab.matrix.asking import Answers, ask_all
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import USER, Visit
from hublab.matrix.run import Silent
from hublab.progress import Progress
from hublab.running.channel import Channel, open_channel
from hublab.running.live import LiveLab
from hublab.settings.values import Settings

QUESTIONS = MatrixPlan((), probes=("spawn", "reach", "routes", "origin", "websocket"))
ANYBODY = {"server.ServerApp.allow_origin": "*"}
"""So that every answer is a good one."""
CHANGED = "hub.Spawner.start_timeout"
"""A setting of the hub with a value of its own in each cell, which changes nothing else."""
VALUES = range(100, 400)
"""Its values: more than any bench has cells. The lab's software checks all of them at once, before
the first cell, as it does for a matrix."""


class Cells:
    """Two labs, in which cells are measured in turn. They come up when they are first needed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._values = iter(VALUES)
        self._open = contextlib.AsyncExitStack()
        self._labs: dict[str, tuple[CaseRunner, Channel]] = {}

    async def warm(self) -> float:
        """Seconds of a cell in a lab that goes from case to case as `hublab matrix` has it."""
        return await self._cell("warm", LabOptions())

    async def cold(self) -> float:
        """Seconds of a cell in a lab whose hub and servers do their own imports."""
        return await self._cell("cold", LabOptions(cold=True))

    async def captured(self) -> float:
        """Seconds of a warm cell while every packet is kept, as with `pytest --lab-capture`.

        A run begins its captures once and asks before each test whether they are still good, so
        the question counts and the beginning does not.
        """
        runner, _ = await self._lab_of("warm", LabOptions())
        image = await asyncio.to_thread(capture_image, runner.lab, self._progress)
        capture = await asyncio.to_thread(Capture.begin, runner.lab, image)
        try:
            begun = time.monotonic()
            usable = await asyncio.to_thread(capture.is_usable)
            asked = time.monotonic() - begun
            if not usable or capture.lost:
                raise RuntimeError(f"the capture does not run: {capture.lost}")
            return asked + await self.warm()
        finally:
            await asyncio.to_thread(capture.remove)

    async def _lab_of(self, name: str, options: LabOptions) -> tuple[CaseRunner, Channel]:
        if name not in self._labs:
            self._labs[name] = await self._lab(options)
        return self._labs[name]

    async def _cell(self, name: str, options: LabOptions) -> float:
        runner, channel = await self._lab_of(name, options)
        settings = self._settings(next(self._values))
        begun = time.monotonic()
        entered = await runner.enter(Case(settings))
        if entered.refusal:
            raise entered.refusal
        entering = time.monotonic() - begun
        live = LiveLab(runner.lab, channel)
        try:
            answers = await ask_all(QUESTIONS, Visit(live))
            await live.stop(USER)
        finally:
            await live.close()
        seconds = time.monotonic() - begun
        self._check(answers)
        asked = ", ".join(f"{what} {spent:.2f}" for what, spent in answers.seconds.items())
        self._progress(f"{name} cell {seconds:.2f} s: enter {entering:.2f}, {asked}")
        return seconds

    @staticmethod
    def _settings(value: int) -> Settings:
        return Settings({**ANYBODY, CHANGED: value})

    def _check(self, answers: Answers) -> None:
        """Raise RuntimeError for a cell in which something did not work: its time says nothing."""
        wrong = {name: cell.short for name, cell in answers.cells.items() if not cell.ok}
        if wrong:
            raise RuntimeError(f"a cell did not work: {wrong}")

    async def _lab(self, options: LabOptions) -> tuple[CaseRunner, Channel]:
        labs = Labs(options, Silent(), self._progress)
        coming = [self._settings(value) for value in VALUES]
        runner = await asyncio.to_thread(labs.get, DEFAULT_TOPOLOGY, lambda: coming)
        self._open.push_async_callback(asyncio.to_thread, labs.end)
        await labs.make_ready(runner)
        await asyncio.to_thread(runner.acceptance.check, coming[0])
        return runner, await self._open.enter_async_context(open_channel(runner.lab))

    async def close(self) -> None:
        """Remove the labs."""
        await self._open.aclose()

    def parts(self) -> list[Part]:
        return [
            Part(
                "matrix",
                "a cell: hub setting changed, spawn, reach, routes, cross-origin read, WebSocket, "
                "stop",
                "the same cell with --lab-cold",
                self.warm,
                self.cold,
                bound=1 / 2.2,
            ),
            Part(
                "capture",
                "the same cell while what all hosts say to each other is captured",
                "the cell without a capture",
                self.captured,
                self.warm,
                bound=1.05,
            ),
        ]
