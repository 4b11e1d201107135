"""A catalogue of the scenarios, from pytest's collection: titles, sources, issues, findings.

Needs no Docker."""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from hublab.errors import LabError, UsageError
from hublab.paths import ROOT, SCENARIOS
from hublab.pytest_plugin.breaks import WHOLE, Break, breaks_of
from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.docstrings import read_docstring
from hublab.pytest_plugin.findings import Finding, findings_of
from hublab.pytest_plugin.kept_score import Subject
from hublab.pytest_plugin.selection import Issue, issues_of
from hublab.pytest_plugin.topologies import topology_of


@dataclass(slots=True)
class Experiment:
    """One test function of a scenario, all its cases together."""

    name: str
    title: str
    """The first paragraph of its docstring."""
    cases: list[str]
    slow: bool
    issues: tuple[Issue, ...]
    findings: tuple[Finding, ...]
    line: int = 0
    """Where it begins in its file."""
    breaks: tuple[Break, ...] = ()
    """What its markers name that makes a sentence of it untrue."""
    subjects: dict[str, Subject] = field(default_factory=dict)
    """It as a whole, and each sentence that has a break of its own."""

    @property
    def whole_can_fail(self) -> bool:
        """Whether a break of the whole, or other cases than a test assumes, can be tried."""
        return len(self.cases) > 1 or any(one.sentence == WHOLE for one in self.breaks)


@dataclass(slots=True)
class Scenario:
    """One scenario file."""

    path: str
    """As `cross_host/test_partition.py`."""
    title: str
    why: str
    """Why it matters to an operator of several hosts."""
    sources: list[str]
    topology: tuple[str, ...]
    experiments: dict[str, Experiment] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return self.path.partition("/")[0]


class _Collector:
    """A plugin that keeps the items that pytest collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)


def collect(folder: Path = SCENARIOS) -> list[Scenario]:
    """All scenarios below a folder, by path.

    Raises LabError with pytest's output if they cannot be collected, UsageError without the package
    that some of them import.
    """
    if find_spec("playwright") is None:
        raise UsageError(
            "the scenarios with a browser import playwright, which is not installed",
            where=str(folder),
            hint="pip install 'hublab[browser]'",
        )
    collector, output = _Collector(), io.StringIO()
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main([*options, str(folder)], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise LabError(
            f"the scenarios cannot be collected:\n    {output.getvalue().strip()[-2000:]}",
            where=str(folder),
        )
    return scenarios_of(collector.items)


def scenarios_of(items: Iterable[pytest.Item]) -> list[Scenario]:
    """Collected items as scenarios, by path."""
    found: dict[Path, Scenario] = {}
    for item in items:
        scenario = found.get(item.path) or _scenario(item)
        found[item.path] = scenario
        name = item.name.partition("[")[0]
        experiment = scenario.experiments.get(name)
        if experiment is None:
            experiment = scenario.experiments[name] = Experiment(
                name=name,
                title=read_docstring(inspect.getdoc(getattr(item, "function", None)) or name)[0],
                cases=[],
                slow=item.get_closest_marker("slow") is not None,
                issues=issues_of(item),
                findings=findings_of(item),
                line=(item.location[1] or 0) + 1,
                breaks=tuple(breaks := breaks_of(item)),
                subjects={one: Subject.of(item, one) for one in sentences(breaks)},
            )
        case = case_of(item)
        experiment.cases.append(case.id if case else "default")
    return sorted(found.values(), key=lambda one: one.path)


def sentences(breaks: Iterable[Break]) -> list[str]:
    """What must be able to fail in a test that names these breaks: it as a whole, and each."""
    return list(dict.fromkeys((WHOLE, *(one.sentence for one in breaks))))


def _scenario(item: pytest.Item) -> Scenario:
    module = sys.modules[item.function.__module__]  # type: ignore[attr-defined]
    title, why, sources = read_docstring(inspect.getdoc(module) or "")
    path = item.path.relative_to(SCENARIOS).as_posix()
    sentence = why[:1].upper() + why[1:]  # without "Why it matters:" it stands alone
    return Scenario(path, title, sentence, sources, topology_of(item) or ())
