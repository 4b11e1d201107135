"""How many labs a run has at once when nobody says so."""

from __future__ import annotations

import os

import pytest
from plugin_suite import INI

from hublab.pytest_plugin.workers import MOST, labs_for

pytest_plugins = ("pytester", "plugin_suite")

CORES = 3


@pytest.fixture
def scenarios(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose scenarios are to run on several labs, on a machine with three cores."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    monkeypatch.setattr(os, "cpu_count", lambda: CORES)
    suite.makefile(".ini", pytest=f"{INI}labs_at_once = scenarios\n")
    suite.mkdir("scenarios").joinpath("test_it.py").write_text("def test_1(): pass\n")
    suite.mkdir("other")
    return suite


def labs(suite: pytest.Pytester, *options: str) -> int:
    return labs_for(suite.parseconfig("-p", "xdist.plugin", *options))


def test_a_whole_folder_has_a_lab_for_each_core(scenarios: pytest.Pytester) -> None:
    assert labs(scenarios, "scenarios", "-m", "not slow") == CORES


@pytest.mark.parametrize(("cores", "expected"), [(None, 0), (1, 0), (2, 2), (64, MOST)])
def test_cores_and_labs(
    scenarios: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    cores: int | None,
    expected: int,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert labs(scenarios, "scenarios") == expected


@pytest.mark.parametrize(
    "options",
    [
        ["scenarios/test_it.py"],
        ["scenarios/test_it.py::test_1"],
        ["scenarios", "other"],
        ["scenarios", "-n0"],
        ["scenarios", "-n2"],
        ["scenarios", "-s"],
        ["scenarios", "--pdb"],
        ["scenarios", "--collect-only"],
        ["scenarios", "-k", "test_1"],
        ["scenarios", "--issue=jupyterhub#2000"],
        ["scenarios", "--lab-name=mine"],
        ["scenarios", "--lab-keep"],
        [],
    ],
    ids=" ".join,
)
def test_what_asks_for_less_or_says_how_many_is_left_alone(
    scenarios: pytest.Pytester, options: list[str]
) -> None:
    assert labs(scenarios, *options) == 0


def test_without_the_ini_option_nothing_is_distributed(suite: pytest.Pytester) -> None:
    assert labs(suite, ".") == 0


def test_the_header_says_it(scenarios: pytest.Pytester) -> None:
    # The process that is begun has cores of its own.
    scenarios.makeconftest(f"import os\nos.cpu_count = lambda: {CORES}\n")
    result = scenarios.runpytest_subprocess("-p", "xdist.plugin", "scenarios")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"hublab: {CORES} labs at once*", "*passed*"])
