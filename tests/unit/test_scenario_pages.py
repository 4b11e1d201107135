"""The catalogue's counts are those of the commands: what two scenarios prove counts once."""

from __future__ import annotations

import runpy
from pathlib import Path

from hublab.pytest_plugin.catalogue import Experiment, Scenario
from hublab.pytest_plugin.findings import Finding

PAGES = Path(__file__).parents[2] / ".ci" / "scenario_pages.py"


def experiment(name: str, *findings: Finding) -> Experiment:
    return Experiment(name, "A title.", ["default"], False, (), findings)


def test_a_finding_of_two_files_counts_once() -> None:
    one, other = (Finding(title, "jupyterhub", "steps", "this", "that") for title in ("a", "b"))
    scenarios = [
        Scenario("x/test_a.py", "A", "", [], (), {"t": experiment("t", one, other)}),
        Scenario("x/test_b.py", "B", "", [], (), {"t": experiment("t", one)}),
    ]
    page = runpy.run_path(str(PAGES))["page"](scenarios, "Of 3 sentences 2.")
    assert "2 files with 2 experiments in 2 cases, 2 findings, and 0 reports." in page
    assert "wrong. Of 3 sentences 2.\n" in page
