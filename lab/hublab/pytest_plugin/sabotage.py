"""`--sabotage`: tests whether scenarios can fail, by applying a case that the test does not assume.

A scenario that cannot fail proves nothing. Each runs with pairs of its own cases, one that the test
assumes and one that is applied to the lab, until it fails for a pair. A scenario with a single case
names what breaks it (`breaks`), a setting or a change of the software:

    @pytest.mark.sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")

That is then applied in addition to the case, without the test's knowledge. The run fails if a
scenario passes with all its pairs, or has no pair.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from hublab.cases.matrix import Case
from hublab.errors import EngineError, MachineError, SettingError, UsageError
from hublab.pytest_plugin.breaks import WHOLE, BrokenCase, CasePair, given_break
from hublab.pytest_plugin.evidence_store import LAB
from hublab.pytest_plugin.kept_score import KeptScore, Noticed, Subject
from hublab.pytest_plugin.score import Score, outcome_of, set_outcome
from hublab.pytest_plugin.software_change import called_changes
from hublab.pytest_plugin.time_limit import TookTooLong

NOT_THE_TESTS_WORD = (EngineError, MachineError, TookTooLong)
_KEPT = "hublab_score"
_SUBJECT = pytest.StashKey[Subject]()
_BEGUN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sabotage` and `--lab-score`."""
    group = parser.getgroup("hublab")
    group.addoption(
        "--lab-break",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="with --sabotage: break every test by this, in place of what it names and its cases",
    )
    group.addoption(
        "--lab-score",
        metavar="FILE",
        type=Path,
        help="with --sabotage: keep in FILE which scenarios failed as they should, and leave those "
        "out that have not changed since",
    )
    group.addoption(
        "--lab-score-again",
        action="store_true",
        help="with --lab-score: run those too that failed as they should",
    )
    group.addoption(
        "--sabotage",
        action="store_true",
        help="apply a case that the test does not assume: each scenario must fail for one pair",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "sabotage(setting, value, sentence=...): what breaks this scenario, or one sentence of it, "
        "for --sabotage, where its own cases cannot; `hub.snippet` and `server.snippet` name a "
        "file that changes functions of the software",
    )
    path: Path | None = config.getoption("--lab-score")
    if config.getoption("--lab-break") and (path or not config.getoption("--sabotage")):
        raise pytest.UsageError("--lab-break goes with --sabotage, and without --lab-score")
    if path is not None and not config.getoption("--sabotage"):
        raise pytest.UsageError("--lab-score keeps the score of --sabotage, which is not given")
    if path is not None and not path.absolute().parent.is_dir():
        raise pytest.UsageError(f"--lab-score: there is no folder {path.absolute().parent}")
    if config.getoption("--sabotage"):
        try:
            given_break(config)
            writes = not hasattr(config, "workerinput")
            # What the controller found, so that all workers leave the same out.
            given = getattr(config, "workerinput", {}).get(_KEPT)
            kept = KeptScore.read(path.absolute(), given) if path else None
        except (SettingError, UsageError) as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(SabotageRun(Score(), kept, writes=writes), "hublab-sabotage")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker the score of earlier runs."""
    run = node.config.pluginmanager.get_plugin("hublab-sabotage")
    if run is not None and run.kept is not None:
        node.workerinput[_KEPT] = run.kept.found


@pytest.fixture
def applied(case: Case) -> Case:
    """The case that the lab is put into: the test's own, except with `--sabotage`.

    Function scope, because `case` is a different fixture with and without a matrix, and pytest
    would reuse the value of the earlier one in a wider scope.
    """
    return case


class SabotageRun:
    """Runs each scenario until it has failed once, and keeps the score."""

    def __init__(self, score: Score, kept: KeptScore | None = None, *, writes: bool = True) -> None:
        self.score = score
        self.kept = kept
        self.writes = writes
        """Not in a worker, whose reports its controller gets too."""
        self.before: set[str] = set()
        """The scenarios that an earlier run caught, as the file says."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect tests without a lab, to which no case can be applied."""
        without = [item for item in items if "applied" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=without)
        again = config.getoption("--lab-score-again")
        done = [item for item in items if item not in without and not again and self._is_done(item)]
        config.hook.pytest_deselected(items=done)
        items[:] = [item for item in items if item not in without and item not in done]

    def _is_done(self, item: pytest.Item) -> bool:
        subject = subject_of(item)
        if self.kept and self.kept.noticed(subject) is Noticed.YES:
            self.before.add(subject.name)
        return subject.name in self.before

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a scenario that has failed already; fail one without a pair."""
        item.stash[_BEGUN] = time.time()
        if subject_of(item).name in self.score.caught:
            pytest.skip("it has already failed with another pair")
        if pair_of(item) is None:
            pytest.fail("it has only one case, and no marker sabotage", pytrace=False)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Invert the verdict: a sabotaged test should fail."""
        report: pytest.TestReport = yield
        failed = call.excinfo is not None and not report.skipped
        pair = pair_of(item)
        cases = f"{pair[0].id} assumed, {pair[1].id} applied" if pair else ""
        # A lost engine has noticed nothing, and neither has a test that hangs; that something was
        # never seen is the test's own word.
        lost = call.excinfo is not None and call.excinfo.errisinstance(NOT_THE_TESTS_WORD)
        if call.when == "call" and not report.skipped and not lost:
            idle = pair is not None and never_called(item, pair[1])
            outcome = "missed" if not failed else "broken" if idle else "caught"
            note = "; nothing that it changes was called" if idle else ""
            set_outcome(report, outcome, subject_of(item), f"{cases}{note}")
            report.outcome, report.longrepr = "passed", None
        elif failed:
            why = str(call.excinfo.value).partition("\n")[0] if call.excinfo else ""
            why = f"{why} ({cases})" if cases else why
            set_outcome(report, "broken", subject_of(item), why)
        if hasattr(item.config, "workerinput"):
            self.score.add(report)  # a worker skips by its own results
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.score.add(report)
        outcome, name, digest, pair = outcome_of(report) or ("", "", "", "")
        if self.kept and self.writes and outcome == "caught":
            self.kept.add(Subject(name, digest), pair)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """Use separate letters, and none for a pair that was skipped."""
        result = outcome_of(report)
        if report.skipped and report.when == "setup":
            return "", "", ""
        if result and result[0] == "caught":
            return "caught", "c", ("CAUGHT", {"green": True})
        if result and result[0] == "missed":
            return "missed", "m", ("MISSED", {"yellow": True})
        return None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run if a scenario failed with no pair; all caught before is success."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_KEPT] = sorted(self.before)
        if self.before and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        if self.score.uncaught and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from a worker, which alone collects, what it left out."""
        self.before |= set(getattr(node, "workeroutput", {}).get(_KEPT, []))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the score, and the scenarios that were not caught."""
        terminalreporter.section("sabotage")
        for scenario in self.score.uncaught:
            terminalreporter.write_line(f"NOT CAUGHT {scenario}", red=True)
            reasons = [self.score.broken.get(scenario, "")]
            reasons += [f"it passed with {pair}" for pair in self.score.missed.get(scenario, [])]
            for reason in filter(None, reasons):
                terminalreporter.write_line(f"    {reason}")
        if self.before:
            terminalreporter.write_line(f"{len(self.before)} were caught by earlier runs")
        caught = len(self.score.caught) + len(self.before)
        total = len(self.score.scenarios) + len(self.before)
        terminalreporter.write_line(f"{caught} of {total} scenarios fail when the case is wrong")


def subject_of(item: pytest.Item) -> Subject:
    """The sentence whose break this item tries."""
    if _SUBJECT not in item.stash:
        pair = pair_of(item)
        item.stash[_SUBJECT] = Subject.of(item, pair[1].sentence if pair else WHOLE)
    return item.stash[_SUBJECT]


def pair_of(item: pytest.Item) -> CasePair | None:
    """The case that this item assumes, and the one that is applied to its lab."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    assumed, applied = params.get("case"), params.get("applied")
    if isinstance(assumed, Case) and isinstance(applied, BrokenCase):
        return assumed, applied
    return None


def never_called(item: pytest.Item, applied: BrokenCase) -> bool:
    """Whether its lab has changed software of which nothing was called: it broke nothing."""
    if not applied.changes or LAB not in item.stash:
        return False
    return not applied.changes & called_changes(item.stash[LAB], item.stash[_BEGUN])
