"""Write docs/scenarios.md: the catalogue, from the scenarios' own titles, reasons and sources.

.venv/bin/python .ci/scenario_pages.py [--check]     --check: only report whether it is current
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from made_page import write_or_check
from sentence_pages import SCORE, counts

from hublab.deployment.software import versions
from hublab.pytest_plugin.catalogue import Experiment, Scenario, collect
from hublab.pytest_plugin.kept_score import KeptScore

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scenarios.md"
HEAD = """\
# Scenarios

Made from the scenarios themselves (`make docs`). Each is one file that `pytest scenarios/FILE`
runs; it brings the lab up itself. {counts}

Seen on {software}. `hublab findings` lists what contradicts the documentation, `hublab reproduce`
the reports from the projects' trackers, and either runs or prints one of them.
[A table](sentences.md) has what would show that they are wrong. {score}
"""


def page(scenarios: list[Scenario], score: str) -> str:
    """The whole page; `score` is of how many sentences a break was noticed."""
    experiments = [one for scenario in scenarios for one in scenario.experiments.values()]
    issues = {issue.name for one in experiments for issue in one.issues}
    findings = {finding for one in experiments for finding in one.findings}
    numbers = (
        f"There are {len(scenarios)} files with {len(experiments)} experiments in "
        f"{sum(len(one.cases) for one in experiments)} cases, "
        f"{len(findings)} findings, and {len(issues)} reports."
    )
    software = ", ".join(f"{name} {version}" for name, version in versions().items())
    parts = [HEAD.format(counts=numbers, software=software, score=score)]
    for folder, those in groupby(scenarios, key=lambda one: one.folder):
        parts.append(f"## {folder}\n")
        parts += [line for scenario in those for line in section(scenario)]
    return "\n".join(parts)


def section(scenario: Scenario) -> Iterator[str]:
    """One file: title, reason, experiments, sources."""
    yield f"### {scenario.title}\n"
    overlays = ", ".join(scenario.topology[1:])
    yield f"`scenarios/{scenario.path}`{f' (with {overlays})' if overlays else ''}\n"
    if scenario.why:
        yield f"{scenario.why}\n"
    yield from (experiment(one) for one in scenario.experiments.values())
    yield ""
    if scenario.sources:
        yield "Sources:\n"
        yield from (f"- {source}" for source in scenario.sources)
        yield ""


def experiment(one: Experiment) -> str:
    """One line: what is tried, in how many cases, for which issue, with which finding."""
    notes = [f"{len(one.cases)} cases"] if len(one.cases) > 1 else []
    notes += ["slow"] if one.slow else []
    notes += unique(issue.name for issue in one.issues)
    text = f"- {one.title}" + (f" ({', '.join(notes)})" if notes else "")
    return "\n".join([text, *(f"    - **Finding**: {f.title}" for f in one.findings)])


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def main(arguments: list[str]) -> int:
    scenarios = collect()
    score = counts(scenarios, KeptScore.read(SCORE))
    return write_or_check(PAGE, page(scenarios, score), arguments, "`make docs`")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
