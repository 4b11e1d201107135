"""Puts labs into the cases of a matrix, one after another, and asks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from hublab.cases.axis_check import check_axes, plans_of
from hublab.cases.fault_lines import NONE
from hublab.cases.faulted import faulted
from hublab.cases.labs import Labs
from hublab.cases.matrix import Case
from hublab.cases.options import LabOptions
from hublab.cases.runner import CaseRunner, Owner
from hublab.cases.surroundings import FAULT, OVERLAYS
from hublab.errors import HublabError, MachineError, SettingError, UsageError
from hublab.journal.events import CaseAnswered, Event
from hublab.journal.file import Journal
from hublab.journal.redaction import Redactor
from hublab.matrix.asking import Answers, ask_all
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import OVERLAY_OF_ROLE, PROBES, Seen, Visit, failed
from hublab.matrix.results import Results, Row, shown_values
from hublab.progress import Progress
from hublab.running.channel import Channel, open_channel
from hublab.running.live import LiveLab

if TYPE_CHECKING:  # Playwright is imported where a browser is asked for
    from playwright.async_api import Browser

ENTERING = 180.0
"""Seconds for a lab to enter a case: a hub may take a minute until it says that it runs."""
TIDYING = 60.0
"""Seconds to end what a case left open, its fault among it."""


class Wedged(Exception):
    """A lab that the next case cannot use; the message says why."""


def check_plan(plan: MatrixPlan, progress: Progress) -> None:
    """Check a matrix as far as that needs the software, before a lab comes up.

    Builds images that are missing. Raises SettingError or UsageError, which say where.
    """
    plans = plans_of(plan.labs, plan.checkouts)
    for name in plan.probes:
        role = PROBES[name].needs_role
        for files, one in plans.items():
            if role and not one.topology.by_role(role):
                names = [file for file in files if file not in OVERLAYS.values()]
                raise UsageError(
                    f"the probe {name} needs a host with the role {role}, "
                    f"and topology {'+'.join(names)} has none",
                    where="--probe",
                    hint=f"topology {'+'.join([*names, OVERLAY_OF_ROLE[role]])}",
                )
    check_axes(plan.axes, plan.pinned, plans, progress)


class MatrixRun:
    """One run of a matrix; the results are kept as they come."""

    def __init__(
        self,
        results: Results,
        options: LabOptions,
        progress: Progress,
        journal: Journal | None = None,
    ) -> None:
        """With a `journal` the run writes there what happens, what probes see and the answers."""
        self._results = results
        self._journal = journal
        self._plan = results.plan
        self._options = options
        self._progress = progress
        self._hidden: set[str] = set()
        """The secrets of the present lab."""
        self._needs_browser = any(PROBES[name].needs_role for name in self._plan.probes)

    def run(self) -> None:
        """Ask what has not been asked yet, topology by topology.

        A lab that a case has wedged is replaced. Raises LabError for one that does not come up,
        UsageError when a working tree has changed before one: its answers would stand beside those
        of another state.
        """
        begun = self._plan.digest
        for files in self._plan.labs:
            while waiting := self._waiting(files):
                if self._plan.digest != begun:
                    raise UsageError(
                        "a working tree has changed since this matrix began",
                        where=" ".join(str(one.folder) for one in self._plan.checkouts),
                        hint="leave it alone while a matrix runs; the same command begins anew",
                    )
                self._in_one_lab(files, waiting)

    def _waiting(self, files: tuple[str, ...]) -> list[Case]:
        return [
            case
            for case in self._plan.in_order_of_change
            if case.id not in self._results.rows and self._plan.files_of(case) == files
        ]

    def _in_one_lab(self, files: tuple[str, ...], waiting: list[Case]) -> None:
        recorder = Recorder(self._journal) if self._journal else Silent()
        labs = Labs(self._options, recorder, self._progress)
        try:
            runner = labs.get(files, lambda: [case.settings for case in waiting])
            asyncio.run(self._all(labs, runner, waiting))
        except Wedged as why:
            self._progress(str(why))
        finally:
            labs.end()

    async def _all(self, labs: Labs, runner: CaseRunner, waiting: list[Case]) -> None:
        await labs.make_ready(runner)
        self._hidden = await asyncio.to_thread(runner.lab.secrets)
        async with contextlib.AsyncExitStack() as stack:
            channel = await stack.enter_async_context(open_channel(runner.lab))
            browser = await self._browser(stack, runner)
            for case in waiting:
                try:
                    await self._one(runner, channel, browser, case)
                except Wedged:
                    if runner.owner is Owner.THIS_RUN:
                        # Now: a command that hangs on one of its hosts would delay the end.
                        await asyncio.to_thread(labs.end)
                    raise
        await labs.restore()

    async def _browser(
        self, stack: contextlib.AsyncExitStack, runner: CaseRunner
    ) -> Browser | None:
        if not self._needs_browser:
            return None
        from hublab.running.browser import open_browser

        return await stack.enter_async_context(open_browser(runner.lab))

    async def _one(
        self, runner: CaseRunner, channel: Channel, browser: Browser | None, case: Case
    ) -> None:
        """Enter a case, ask, and keep the answers. Raises Wedged when the lab is of no more use."""
        begun = time.monotonic()
        number = len(self._results.rows) + 1
        self._progress(f"case {number} of {len(self._plan.cases)}: {case.id}{self._left(number)}")
        answers, broken = Answers(), ""
        try:
            refusal = await self._enter(runner, case)
            answers.seconds["enter"] = round(time.monotonic() - begun, 2)
            if refusal:
                self._answer_all(answers, refusal)
            else:
                asked = await self._ask(
                    LiveLab(runner.lab, channel, self._journal), browser, case, answers
                )
                broken = "nothing answered any more" if asked.all_silent else ""
        except (MachineError, UsageError):
            raise
        except (HublabError, TimeoutError) as error:
            reason = error if isinstance(error, HublabError) else None
            broken = reason.message.splitlines()[0] if reason else "the lab did not answer in time"
            self._answer_all(answers, reason or HublabError(broken))
        self._keep(case, answers, time.monotonic() - begun)
        if broken:
            raise Wedged(f"the lab is replaced: {broken}")

    async def _enter(self, runner: CaseRunner, case: Case) -> HublabError | None:
        """Put the lab into a case; returns why its software does not take it."""
        try:
            async with asyncio.timeout(ENTERING):
                return (await runner.enter(case)).refusal
        except SettingError as error:
            return error

    async def _ask(
        self, live: LiveLab, browser: Browser | None, case: Case, answers: Answers
    ) -> Answers:
        """Ask under the case's fault, and tidy up in a bounded time.

        Raises HublabError or TimeoutError when that failed; what was seen is in `answers`.
        """
        asked = Answers()
        stack = contextlib.AsyncExitStack()
        stack.push_async_callback(live.close)
        try:
            try:
                async with asyncio.timeout(TIDYING):
                    if case.get(FAULT, NONE) != NONE:  # which may cost the common one its life
                        own = await stack.enter_async_context(open_channel(live.lab))
                        live.channel = own
                    await stack.enter_async_context(faulted(live, case))
            except HublabError as error:  # a fault without effect: the next case heals
                self._answer_all(answers, error)
                return asked
            asked = await ask_all(self._plan, Visit(live, browser))
            answers.cells |= asked.cells
            answers.seconds |= asked.seconds
            return asked
        finally:
            async with asyncio.timeout(TIDYING):
                await stack.aclose()

    def _answer_all(self, answers: Answers, error: HublabError) -> None:
        """Answer with an error what has no answer."""
        for name in self._plan.columns:
            answers.cells.setdefault(name, failed(error))

    def _left(self, number: int) -> str:
        done = [row.seconds for row in self._results.rows.values() if row.seconds]
        if not done:
            return ""
        left = (len(self._plan.cases) - number + 1) * sum(done) / len(done)
        return f", about {left / 60:.0f} min left" if left > 90 else f", about {left:.0f} s left"

    def _keep(self, case: Case, answers: Answers, seconds: float) -> None:
        hide = Redactor(self._hidden | case.settings.secret_values())
        clean = {
            name: Seen(hide.text(cell.short), cell.ok, hide.text(cell.detail))
            for name in self._plan.columns
            for cell in (answers.cells[name],)
        }
        values = shown_values(self._plan, case)
        row = Row(case.id, values, clean, round(seconds, 1), answers.seconds)
        self._results.add(row)
        if self._journal:
            self._journal.write(answered(row))


def answered(row: Row) -> CaseAnswered:
    """A row as an event."""
    cells = {name: asdict(cell) for name, cell in row.cells.items()}
    return CaseAnswered(row.id, dict(row.values), cells, row.seconds)


class Recorder:
    """Writes what happens to the labs of a matrix into its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def record(self, event: Event) -> None:
        """Write an event."""
        self._journal.write(event)

    def hide(self, texts: Iterable[str]) -> None:
        """Hide these texts in everything written from now on."""
        self._journal.hide_all(texts)


class Silent:
    """Records nothing: what a matrix without a journal sees is in its results."""

    def record(self, event: Event) -> None:
        """Nothing is kept."""

    def hide(self, texts: Iterable[str]) -> None:
        """Nothing is kept that could hold them."""
