"""Records each test's verdict, and saves the hosts' logs of tests that failed.

By default only the evidence of failures is kept; see `--lab-evidence`.
"""

from __future__ import annotations

import inspect
import secrets
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hublab.journal.events import PhaseFailed, ScenarioBegun, Verdict
from hublab.paths import evidence_folder
from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.docstrings import read_docstring
from hublab.pytest_plugin.evidence_store import EVIDENCE, FAILED_AT, LAB, STARTED_AT, Evidence
from hublab.pytest_plugin.failures import sentence_of, shown_places, sides_of
from hublab.pytest_plugin.item_names import name_of

_RUN = "hublab_run"
_WORST = pytest.StashKey[Verdict]()
LONGEST = 2000
"""Characters of what a verdict says of one thing."""
_RANK = ["held", "skipped", "undecided", "failed", "error"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-evidence` and `--lab-journal`."""
    group = parser.getgroup("hublab")
    group.addoption(
        "--lab-evidence",
        choices=["failed", "all", "none"],
        default="failed",
        help="what to keep under evidence/: the journal and logs of runs and tests that failed "
        "(default), of all, or of none",
    )
    group.addoption(
        "--lab-journal",
        metavar="FILE",
        type=Path,
        help="write the journal of the whole run here too, over a file that is there, whatever is "
        "kept under evidence/",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the run; workers use the controller's name."""
    given = getattr(config, "workerinput", {})
    run = given.get(_RUN) or f"{datetime.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    folder = evidence_folder(config.rootpath) / run
    worker = given.get("workerid", "")
    copy: Path | None = config.getoption("--lab-journal")
    if copy is not None and not copy.parent.is_dir():
        raise pytest.UsageError(f"--lab-journal: there is no folder {copy.parent}")
    if copy is not None and copy.is_dir():
        raise pytest.UsageError(f"--lab-journal: {copy} is a folder, and not a file to write")
    config.stash[EVIDENCE] = Evidence(
        folder, worker, config.getoption("--lab-evidence"), copy and copy.absolute()
    )
    config.pluginmanager.register(BeforeTeardown(), "hublab-before-teardown")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Make all workers of a run write into the same folder."""
    node.workerinput[_RUN] = node.config.stash[EVIDENCE].folder.name


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember the running test and its start."""
    item.stash[STARTED_AT] = time.time()
    item.config.stash[EVIDENCE].begin(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Save the logs before anything is torn down, and write the verdict at the end."""
    report: pytest.TestReport = yield
    if LAB in item.stash:
        evidence = item.config.stash[EVIDENCE]
        now = verdict_of(item, call, report)
        before = item.stash.get(_WORST, now)
        worst = item.stash[_WORST] = max(before, now, key=lambda one: _RANK.index(one.outcome))
        evidence.failed |= report.failed
        if report.failed and FAILED_AT not in item.stash:
            item.stash[FAILED_AT] = call.stop
            failed = PhaseFailed(name_of(item), call.when)
            evidence.journal.write(failed, t=evidence.journal.at(call.stop))
        if evidence.keep != "none" and (
            report.failed or (evidence.keep == "all" and report.when == "call")
        ):
            evidence.save(item)
        if report.when == "teardown":
            describe_file(item)
            evidence.record(replace(worst, seconds=now.seconds))
    if report.when == "teardown":
        item.config.stash[EVIDENCE].running = None
    return report


def verdict_of(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> Verdict:
    """How one phase of a test ended."""
    if getattr(report, "undecided", False):
        outcome = "undecided"
    elif report.failed:
        outcome = "failed" if report.when == "call" else "error"
    else:
        outcome = "skipped" if report.skipped else "held"
    case = case_of(item)
    # Secrets go before the text is cut: the first half of one would stay.
    clean, here = item.config.stash[EVIDENCE].clean, item.config.invocation_params.dir
    message = clean(str(call.excinfo.value))[:LONGEST] if call.excinfo else ""
    seconds = round(time.time() - item.stash[STARTED_AT], 3)
    name, claim = name_of(item), sentence_of(item)
    verdict = Verdict(name, case.id if case else "", outcome, seconds, message, claim)
    if call.excinfo is None or not report.failed:
        return verdict
    expected, seen, places = sides_of(item, call.excinfo)
    return replace(
        verdict,
        expected=clean(expected)[:LONGEST],
        seen=clean(seen)[:LONGEST],
        places=tuple([one.shown(here), clean(one.source)] for one in shown_places(places)),
    )


def describe_file(item: pytest.Item) -> None:
    """Write what a file of scenarios is about, before its first verdict."""
    evidence = item.config.stash[EVIDENCE]
    file = item.nodeid.partition("::")[0]
    if file not in evidence.described:
        evidence.described.add(file)
        module = getattr(item, "module", None)
        title, why, sources = read_docstring(inspect.getdoc(module) or "")
        evidence.record(ScenarioBegun(file, title, why, tuple(sources)))


class BeforeTeardown:
    """A hook that must run before the labs are removed at the end of a run."""

    @staticmethod
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
        """Save the logs of an interrupted test, for which pytest makes no report."""
        evidence = session.config.stash[EVIDENCE]
        evidence.failed |= exitstatus not in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        )
        item = evidence.running
        if item is not None and LAB in item.stash and evidence.keep != "none":
            evidence.save(item)  # first: a verdict ends what belongs to a test
            seconds = round(time.time() - item.stash[STARTED_AT], 3)
            case = case_of(item)
            evidence.record(
                Verdict(name_of(item), case.id if case else "", "error", seconds, "interrupted")
            )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the journal, in each worker before the controller, after the labs have ended."""
    session.config.stash[EVIDENCE].close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the folder of the evidence."""
    folder = config.stash[EVIDENCE].folder
    if hasattr(config, "workerinput") or not folder.is_dir():
        return
    shown = folder.relative_to(folder.parents[1])
    terminalreporter.write_line(f"hublab: evidence in {shown}/")
