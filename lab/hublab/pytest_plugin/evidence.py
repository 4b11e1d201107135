"""What a run leaves behind: a journal, and the hosts' logs of tests that did not hold.

    evidence/<run>/journal.ndjson            one a worker, merged at the end
    evidence/<run>/<test>/<host>.log

Kept for what failed by default, see `--lab-evidence`. The labs' secrets are written nowhere, nor
those of settings; what a log may still tell is for the owner of the folder alone.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hublab.errors import HublabError
from hublab.journal.events import Event, Verdict
from hublab.journal.file import Journal, merge, write_merged
from hublab.journal.redaction import Redactor
from hublab.pytest_plugin.cases import case_of
from hublab.settings.secrets import short_digest

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.running.lab import Lab

EVIDENCE = pytest.StashKey["Evidence"]()
LAB: pytest.StashKey[Lab] = pytest.StashKey()
"""The lab that a test has, for the logs."""
BEGUN = pytest.StashKey[float]()
_RUN = "hublab_run"
_WORST = pytest.StashKey[Verdict]()
_RANK = ["held", "skipped", "undecided", "failed", "error"]


class Evidence:
    """The evidence of one worker of a run."""

    def __init__(self, folder: Path, worker: str, keep: str) -> None:
        """`keep` is `failed`, `all` or `none`."""
        self.folder = folder
        self.worker = worker
        self.keep = keep
        self.failed = False
        self.running: pytest.Item | None = None
        """The test that has begun and not ended."""
        self._journal: Journal | None = None

    @property
    def journal(self) -> Journal:
        """This worker's journal, begun when something is written for the first time."""
        if self._journal is None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True, mode=0o700)
            name = f"journal-{self.worker}.ndjson" if self.worker else "journal.ndjson"
            self._journal = Journal.open(self.folder / name, run=self.folder.name)
        return self._journal

    def record(self, event: Event) -> None:
        self.journal.write(event)

    def hide(self, texts: Iterable[str]) -> None:
        """Texts that must be written nowhere from now on."""
        for text in texts:
            self.journal.hide(text)

    def save_logs(self, item: pytest.Item) -> None:
        """The logs of all hosts since the test began, without secrets."""
        lab = item.stash[LAB]
        folder = self.folder / folder_name(name_of(item))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        hide = Redactor(())  # of addresses: what signs somebody in
        for host in lab.hosts.values():
            try:
                log = lab.engine.logs(host.id, since=item.stash[BEGUN])
            except HublabError as error:  # logs never hide why the test failed
                log = f"hublab: this log could not be read: {error}\n"
            path = folder / f"{host.service}.log"
            path.touch(mode=0o600)
            path.write_text(hide.text(self.journal.redacted(log)))

    def close(self) -> None:
        """Close the journal, and remove what is not to be kept.

        Of several workers the last to know is the controller: one alone cannot tell whether
        another's test failed, or still writes.
        """
        if self._journal is not None:
            self._journal.close()
        if self.worker:
            return
        if self.keep == "none" or (self.keep == "failed" and not self.failed):
            for journal in self.folder.glob("journal*.ndjson"):
                journal.unlink()
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()


def name_of(item: pytest.Item) -> str:
    """A test's id as it is without workers, which get the name of their group appended."""
    group = item.get_closest_marker("xdist_group")
    return item.nodeid.removesuffix(f"@{group.args[0]}") if group and group.args else item.nodeid


def scenario_of(item: pytest.Item) -> str:
    """A test's id without its cases."""
    return name_of(item).partition("[")[0]


def folder_name(nodeid: str) -> str:
    """A test's name as that of a folder; distinct tests have distinct folders."""
    name = re.sub(r"[^\w.=\[\]-]+", "_", nodeid, flags=re.ASCII)
    return name if len(name) <= 100 else f"{name[:90]}~{short_digest(name)}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-evidence`."""
    parser.getgroup("hublab").addoption(
        "--lab-evidence",
        choices=["failed", "all", "none"],
        default="failed",
        help="what to keep under evidence/: journal and logs of runs and tests that failed "
        "(default), of all, of none",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its name; workers take the controller's."""
    given = getattr(config, "workerinput", {})
    run = given.get(_RUN) or f"{datetime.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    folder = config.rootpath / "evidence" / run
    worker = given.get("workerid", "")
    config.stash[EVIDENCE] = Evidence(folder, worker, config.getoption("--lab-evidence"))
    config.pluginmanager.register(BeforeTheEnd(), "hublab-before-the-end")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All workers of a run write into one folder."""
    node.workerinput[_RUN] = node.config.stash[EVIDENCE].folder.name


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[BEGUN] = time.time()
    item.config.stash[EVIDENCE].running = item


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
        if evidence.keep != "none" and (
            report.failed or (evidence.keep == "all" and report.when == "call")
        ):
            evidence.save_logs(item)
        if report.when == "teardown":
            evidence.record(worst)
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
    message = str(call.excinfo.value)[:2000] if call.excinfo else ""
    seconds = round(time.time() - item.stash[BEGUN], 3)
    return Verdict(name_of(item), case.id if case else "", outcome, seconds, message)


class BeforeTheEnd:
    """What must happen before the labs are torn down at the end of a run."""

    @staticmethod
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
        """Save the logs of a test that was interrupted: nobody else will."""
        evidence = session.config.stash[EVIDENCE]
        evidence.failed |= exitstatus not in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        )
        item = evidence.running
        if item is not None and LAB in item.stash and evidence.keep != "none":
            seconds = round(time.time() - item.stash[BEGUN], 3)
            case = case_of(item)
            evidence.record(
                Verdict(name_of(item), case.id if case else "", "error", seconds, "interrupted")
            )
            evidence.save_logs(item)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the journal, in each worker before the controller, after the labs have ended."""
    session.config.stash[EVIDENCE].close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Put the workers' journals together, and say where the evidence stands."""
    folder = config.stash[EVIDENCE].folder
    # A worker has a summary of its own, and the others may still be writing then.
    if hasattr(config, "workerinput") or not folder.is_dir():
        return
    parts = sorted(folder.glob("journal-*.ndjson"))
    if parts:
        write_merged(merge(parts), folder / "journal.ndjson")
    terminalreporter.write_line(f"hublab: evidence in {folder.relative_to(config.rootpath)}/")
