"""`--lab-report`: ends a run with its report; and old runs go."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.errors import HublabError
from hublab.pytest_plugin.evidence_store import EVIDENCE
from hublab.report.kept_runs import prune_runs

HERE = "here"
SUFFIX = ".html"
NAME = "report.html"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-report`."""
    parser.getgroup("hublab").addoption(
        "--lab-report",
        nargs="?",
        const=HERE,
        metavar="FILE",
        help="end the run with its report, one HTML file that opens offline: FILE.html, or "
        "report.html in the run's folder under evidence/, which then stays whatever its outcome",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have the report made when the journal is whole, before what is not to be kept goes."""
    given = config.getoption("--lab-report")
    if not given or hasattr(config, "workerinput"):
        return
    evidence = config.stash[EVIDENCE]
    if given == HERE:
        evidence.stays = True
        target = evidence.folder / NAME
    else:
        target = config.invocation_params.dir / given
        if target.suffix != SUFFIX:
            raise pytest.UsageError(
                f"--lab-report: {given} does not end in {SUFFIX}; "
                "hint: --lab-report=FILE.html, or --lab-report behind the tests to run"
            )
        if not target.parent.is_dir():
            raise pytest.UsageError(f"--lab-report: there is no folder {target.parent}")
    config.pluginmanager.register(RunReport(config, target), "hublab-run-report")


class RunReport:
    """Makes the report of one run, and says where it is."""

    def __init__(self, config: pytest.Config, target: Path) -> None:
        self._target = target
        self._said: list[str] = []
        self._terminal = config.pluginmanager.getplugin("terminalreporter")
        config.stash[EVIDENCE].when_whole = self.make

    def make(self, folder: Path) -> None:
        """Make it; a report that cannot be made does not hide how the tests went."""
        from hublab.report.write import write_report  # what makes it is not needed to run tests

        try:
            write_report(folder, self._target, self._said.append)
        except HublabError as error:
            self._said.append(f"no report: {error}")
        else:
            self._said.append(f"report in {self._target}")

    def pytest_terminal_summary(self) -> None:
        """Print where the report is, or why there is none."""
        if self._terminal and self._said:
            self._terminal.write_line(f"hublab: {self._said[-1]}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Remove the oldest runs beyond the number that is kept, and name them."""
    evidence = config.stash[EVIDENCE]
    if hasattr(config, "workerinput") or not evidence.folder.is_dir():
        return
    try:
        gone = prune_runs(evidence.folder.parent)
    except HublabError as error:
        terminalreporter.write_line(f"hublab: {error}")
        return
    if gone:
        terminalreporter.write_line(f"hublab: removed old runs: {', '.join(gone)}")
