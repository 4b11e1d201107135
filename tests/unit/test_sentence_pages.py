"""The table of sentences: no sentence without a break, and what was not noticed says so."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from hublab.pytest_plugin.breaks import WHOLE, Break
from hublab.pytest_plugin.catalogue import Experiment, Scenario
from hublab.pytest_plugin.findings import Finding
from hublab.pytest_plugin.kept_score import KeptScore, Subject
from hublab.settings.values import Settings

CI = Path(__file__).parents[2] / ".ci"
FINDING = Finding("They do not", "jupyterhub", "steps", "this", "that")
BY = Settings({"hub.JupyterHub.hub_ip": "127.0.0.1"})


@pytest.fixture
def made() -> dict[str, Any]:
    return runpy.run_path(str(CI / "sentence_pages.py"))


def scenario(cases: int, *breaks: Break) -> Scenario:
    subjects = {
        one: Subject(f"t: {one}", "digest") for one in (WHOLE, *(b.sentence for b in breaks))
    }
    test = Experiment(
        "t", "They count.", ["default"] * cases, False, (), (FINDING,), 7, breaks, subjects
    )
    return Scenario("x/test_a.py", "A", "", [], (), {"t": test})


def test_each_sentence_has_a_row(made: dict[str, Any]) -> None:
    score = KeptScore(Path("none"), "{}", {"t: ": {"digest": "digest"}, "t: They": {"digest": "x"}})
    rows = made["rows_of"](scenario(2, Break("They", BY)), score)
    assert [str(row) for row in rows] == [
        "| They count. | `t` | its other cases | yes |",
        "| They | `t` | `hub.JupyterHub.hub_ip = 127.0.0.1` | not since it changed |",
        "| Finding: They do not | `t` | the same as its test's | yes |",
    ]


@pytest.mark.parametrize(
    ("cases", "breaks", "problem"),
    [
        (1, (), "scenarios/x/test_a.py:7: t: nothing breaks it: one case, and no marker sabotage"),
        (2, (), None),
        (1, (Break(WHOLE, BY),), None),
        (1, (Break("They do not", BY),), None),
        (
            1,
            (Break("They fly", BY),),
            "scenarios/x/test_a.py:7: t: its break is of a sentence that it does not say: They fly",
        ),
    ],
)
def test_nothing_is_said_that_could_not_fail(
    made: dict[str, Any], cases: int, breaks: tuple[Break, ...], problem: str | None
) -> None:
    assert list(made["problems"]([scenario(cases, *breaks)])) == ([problem] if problem else [])
