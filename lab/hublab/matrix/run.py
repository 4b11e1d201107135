"""Puts a lab into the cases of a matrix, one after another, and asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from hublab.cases.labs import Labs, topology_files
from hublab.cases.matrix import Case
from hublab.cases.options import LabOptions
from hublab.cases.runner import CaseRunner
from hublab.deployment.plan import make_plan
from hublab.deployment.role_images import with_images
from hublab.engine import Engine
from hublab.errors import HublabError, LabError, SettingError, in_words
from hublab.journal.events import Event
from hublab.journal.redaction import Redactor
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, Seen, Visit, failed, requested
from hublab.matrix.request_lines import RequestLine
from hublab.matrix.results import Results, Row, shown_values
from hublab.progress import Progress
from hublab.running.channel import open_channel
from hublab.running.live import LiveLab
from hublab.settings.checking import check_settings

LONGEST = 180.0
"""Seconds for one answer: more than a spawn takes that the hub gives up."""


def check_axes(plan: MatrixPlan, progress: Progress) -> None:
    """Have the software check each value, before a lab comes up. Raises SettingError.

    Each by itself: a combination may be refused, which is a result like any other.
    """
    engine = Engine.connect()
    images = with_images(
        make_plan(topology_files(plan.topology)), "matrix", engine, progress
    ).images
    progress("checking settings")
    most = max((len(axis.values) for axis in plan.axes), default=0)
    for index in range(most):
        some = {axis.key: axis.values[index] for axis in plan.axes if index < len(axis.values)}
        check_settings(engine, images, plan.pinned.merged(some))


class MatrixRun:
    """One run of a matrix; the results are kept as they come."""

    def __init__(self, results: Results, options: LabOptions, progress: Progress) -> None:
        self._results = results
        self._plan = results.plan
        self._options = options
        self._progress = progress

    def run(self) -> None:
        """Ask what has not been asked yet. A lab that a case has wedged is replaced."""
        while waiting := [c for c in self._plan.cases if c.id not in self._results.rows]:
            labs = Labs(self._options, Silent(), self._progress)
            try:
                runner = labs.get(self._plan.topology, list)
                asyncio.run(self._all(labs, runner, waiting))
            finally:
                labs.end()

    async def _all(self, labs: Labs, runner: CaseRunner, waiting: list[Case]) -> None:
        await labs.make_ready(runner)
        async with open_channel(runner.lab) as channel:
            try:
                for case in waiting:
                    await self._one(runner, LiveLab(runner.lab, channel), case)
            except LabError as error:
                self._keep(case, runner, {name: failed(error) for name in self._plan.columns}, 0.0)
                self._progress(f"the lab is replaced: {error.message.splitlines()[0]}")
        await labs.restore()

    async def _one(self, runner: CaseRunner, live: LiveLab, case: Case) -> None:
        began = time.monotonic()
        number = len(self._results.rows) + 1
        self._progress(f"case {number} of {len(self._plan.cases)}: {case.id}{self._left(number)}")
        try:
            refusal: HublabError | None = (await runner.enter(case)).refusal
        except SettingError as error:
            refusal = error
        if refusal:
            cells = {name: failed(refusal) for name in self._plan.columns}
        else:
            try:
                cells = await self._ask(live)
            finally:
                await live.close()
        self._keep(case, runner, cells, time.monotonic() - began)

    def _left(self, number: int) -> str:
        done = [row.seconds for row in self._results.rows.values() if row.seconds]
        if not done:
            return ""
        left = (len(self._plan.cases) - number + 1) * sum(done) / len(done)
        return f", about {left / 60:.0f} min left" if left > 90 else f", about {left:.0f} s left"

    async def _ask(self, live: LiveLab) -> dict[str, Seen]:
        visit, cells = Visit(live), {}
        for name in self._plan.probes:
            probe = PROBES[name]
            if probe.needs_server and name != "spawn" and visit.broken:
                cells[name] = Seen("no server", False)
            else:
                cells[name] = await answered(probe.ask(visit))
        for line in self._plan.requests:
            cells[str(line)] = await self._request(visit, line)
        return cells

    async def _request(self, visit: Visit, line: RequestLine) -> Seen:
        return await answered(requested(visit, line))

    def _keep(self, case: Case, runner: CaseRunner, cells: dict[str, Seen], seconds: float) -> None:
        hide = Redactor(runner.lab.secrets() | case.settings.secret_values())
        clean = {
            name: Seen(hide.text(cell.short), cell.ok, hide.text(cell.detail))
            for name, cell in cells.items()
        }
        values = shown_values(self._plan, case)
        self._results.add(Row(case.id, values, clean, round(seconds, 1)))


async def answered(question: object) -> Seen:
    """An answer, or why there is none."""
    try:
        async with asyncio.timeout(LONGEST):
            seen: Seen = await question  # type: ignore[misc]
            return seen
    except HublabError as error:
        return failed(error)
    except TimeoutError:
        return Seen(f"no answer in {LONGEST:.0f} s", False)
    except OSError as error:
        return Seen(in_words(error), False)


class Silent:
    """Records nothing: what a matrix sees is in its results."""

    def record(self, event: Event) -> None:
        """Nothing is kept."""

    def hide(self, texts: Iterable[str]) -> None:
        """Nothing is kept that could hold them."""
