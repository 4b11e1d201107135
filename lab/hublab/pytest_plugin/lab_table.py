"""`--lab-table`: at the end of a run, what was seen in each case of a scenario's matrix.

By default where one file is run. With a file it also writes all that was observed there.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from hublab.cases.case_table import (
    FORMS,
    Seen,
    case_blocks,
    case_table,
    needed_width,
    reason_lines,
)
from hublab.cases.few_columns import Column, all_columns, few_columns, legend
from hublab.cases.observations import seen_in
from hublab.journal.events import PhaseFailed
from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.evidence_store import EVIDENCE
from hublab.pytest_plugin.item_names import scenario_of
from hublab.settings.secrets import shown_value

SHOW, NONE = "show", "none"
SUFFIXES = (".json", *FORMS)
VERDICT = "verdict"
_ROW = "hublab_row"
_WANTED = "hublab_table"
_VERDICT = pytest.StashKey[Seen]()


@dataclass(frozen=True, slots=True)
class TestedCase:
    """One case of a scenario: its settings, its verdict and what was observed."""

    __test__ = False
    id: str
    values: Mapping[str, str]
    verdict: Seen
    observed: Mapping[str, Seen]
    cells: Mapping[str, Seen] = field(default_factory=dict)
    """Those of the columns that are shown."""

    def with_cells(self, columns: list[Column], number: int) -> TestedCase:
        shown = {column.head: column.cells[number] for column in columns}
        cells = {VERDICT: self.verdict, **shown}
        return TestedCase(self.id, self.values, self.verdict, self.observed, cells)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-table`."""
    parser.getgroup("hublab").addoption(
        "--lab-table",
        nargs="?",
        const=SHOW,
        metavar="FILE",
        help="end the run with a table of what was seen in each case of a matrix (default where "
        "one file is run; 'none' for no table); with a FILE.json, .csv or .md also write it there",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a file of another kind before the run starts."""
    given = config.getoption("--lab-table")
    if given and given not in (SHOW, NONE) and Path(given).suffix not in SUFFIXES:
        raise pytest.UsageError(
            f"--lab-table: {given} ends in none of {', '.join(SUFFIXES)}; "
            "hint: --lab-table=FILE.json, or --lab-table behind the tests to run"
        )
    if wanted(config):
        config.pluginmanager.register(LabTable(given), "hublab-lab-table")


def wanted(config: pytest.Config) -> bool:
    """Whether this run collects what its cases saw."""
    if hasattr(config, "workerinput"):
        return bool(config.workerinput.get(_WANTED))
    option = config.option
    if option.collectonly or option.sabotage or option.lab_table == NONE:
        return False
    if option.lab_table:
        return True
    files = {argument.partition("::")[0] for argument in config.args}
    return len(files) == 1 and (config.invocation_params.dir / files.pop()).is_file()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whether to collect, which does not know what is run."""
    node.workerinput[_WANTED] = wanted(node.config)


class LabTable:
    """Collects the cases of a run, and shows them at its end."""

    def __init__(self, target: str | None) -> None:
        self.target = target
        self.scenarios: dict[str, list[TestedCase]] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach a case to the last report of its test, which a worker sends to the controller."""
        report = yield
        case = case_of(item)
        if case is None or not case.settings:
            return report
        own = verdict_of(report)
        if report.when == "setup" or (not own.ok and item.stash[_VERDICT].ok):
            item.stash[_VERDICT] = own
        if report.when == "teardown":
            # What is seen once the test has failed is evidence of the failure, not of the case.
            events = item.config.stash[EVIDENCE].events
            until_failed = takewhile(lambda event: not isinstance(event, PhaseFailed), events)
            seen = seen_in(list(until_failed), case.settings)
            row = {
                "test": scenario_of(item),
                "case": case.id,
                "settings": {key: shown_value(key, value) for key, value in case.items()},
                "verdict": as_list(item.stash[_VERDICT]),
                "observed": {name: as_list(cell) for name, cell in seen.items()},
            }
            setattr(report, _ROW, row)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a case."""
        if (row := getattr(report, _ROW, None)) is not None:
            observed = {name: Seen(*cell) for name, cell in row["observed"].items()}
            case = TestedCase(row["case"], row["settings"], Seen(*row["verdict"]), observed)
            self.scenarios.setdefault(row["test"], []).append(case)

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Print the tables, and write them."""
        if hasattr(config, "workerinput"):
            return
        for test, cases in self.scenarios.items():
            terminalreporter.section(f"cases of {test}", sep="-")
            show(terminalreporter, cases)
        if self.target and self.target != SHOW:
            path = config.invocation_params.dir / self.target
            try:
                path.write_text(self.text(path.suffix), encoding="utf-8")
            except OSError as error:
                raise pytest.UsageError(f"--lab-table: {path}: {error.strerror}") from None
            terminalreporter.write_line(f"hublab: the table is in {self.target}")

    def text(self, suffix: str) -> str:
        """All that was observed, as the suffix of a file asks for."""
        if suffix == ".json":
            data = {
                test: [
                    {
                        "case": one.id,
                        "settings": dict(one.values),
                        "verdict": as_json(one.verdict),
                        "observed": {name: as_json(cell) for name, cell in one.observed.items()},
                    }
                    for one in cases
                ]
                for test, cases in self.scenarios.items()
            }
            return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        parts = []
        for test, cases in self.scenarios.items():
            columns = all_columns([one.observed for one in cases])
            rows = [one.with_cells(columns, number) for number, one in enumerate(cases)]
            title = f"## {test}\n\n" if suffix == ".md" else ""
            parts.append(title + FORMS[suffix]([VERDICT, *(c.head for c in columns)], rows).strip())
        return "\n\n".join(parts) + "\n"


def verdict_of(report: pytest.TestReport) -> Seen:
    """How one phase of a test ended, and why."""
    if not report.failed:
        return Seen("skipped" if report.skipped else "held")
    crash = getattr(report.longrepr, "reprcrash", None)
    reason = crash.message if crash else report.longreprtext
    undecided = getattr(report, "undecided", False)
    failed = "failed" if report.when == "call" else "error"
    return Seen("undecided" if undecided else failed, False, reason)


def as_list(cell: Seen) -> list[Any]:
    return [cell.short, cell.ok, cell.detail]


def as_json(cell: Seen) -> dict[str, Any]:
    return {"short": cell.short, "ok": cell.ok, "detail": cell.detail}


def show(reporter: Any, cases: list[TestedCase]) -> None:
    """Print one scenario's table: what tells its cases apart, and why a case failed."""
    from rich.console import Console

    columns, left = few_columns([one.observed for one in cases])
    rows = [one.with_cells(columns, number) for number, one in enumerate(cases)]
    names = [VERDICT, *(column.head for column in columns)]
    coloured = bool(reporter.hasmarkup)
    table = case_table(names, rows, coloured=coloured)
    needed = needed_width(table)
    width = reporter._tw.fullwidth if reporter.isatty else max(200, needed)
    console = Console(force_terminal=coloured, no_color=not coloured, highlight=False, width=width)
    fits = needed <= width
    with console.capture() as captured:
        console.print(table if fits else case_blocks(names, rows, coloured=coloured))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    told = legend(columns, max((len(column.head) for column in columns), default=0))
    lines += ["", *told] if told else []
    if left:
        lines.append(f"and {left} questions more: --lab-table=FILE.csv writes the answers to all")
    for line in (*lines, *reason_lines(names, rows)):
        reporter.write_line(line)
