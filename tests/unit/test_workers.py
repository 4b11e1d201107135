"""The default number of workers of a run, and the names of tests in workers."""

from __future__ import annotations

import os
import re

import pytest
from plugin_project import CONFTEST, INI

from hublab.machine import capabilities
from hublab.pytest_plugin.workers import MAX_WORKERS, workers_for

pytest_plugins = ("pytester", "plugin_suite")

CORES = 3
PLENTY = 100.0
MACHINE = f"""\
import os
from hublab.machine import capabilities
os.cpu_count = lambda: {CORES}
capabilities.available_memory = lambda: {PLENTY}
"""
TESTS = """\
import pytest
def test_good(lab): pass
def test_bad(lab): assert False
"""


@pytest.fixture
def scenarios(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose scenarios, all in one folder, are to be distributed over three cores."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    monkeypatch.setattr(os, "cpu_count", lambda: CORES)
    monkeypatch.setattr(capabilities, "available_memory", lambda: PLENTY)
    # pytester's own tests are run without it, and the plugin of the cache is asked for here
    ini = INI.replace("-p no:cacheprovider", "")
    suite.makefile(".ini", pytest=f"{ini}on_every_core = scenarios\n")
    for name in ("test_it.py", "test_more.py"):
        (suite.path / "scenarios").mkdir(exist_ok=True)
        (suite.path / "scenarios" / name).write_text(TESTS)
    suite.mkdir("other")
    return suite


def workers(suite: pytest.Pytester, *options: str) -> int:
    return workers_for(suite.parseconfig("-p", "xdist.plugin", *options))


def test_a_whole_folder_has_a_worker_for_each_core(scenarios: pytest.Pytester) -> None:
    assert workers(scenarios, "scenarios", "-m", "not slow") == CORES


@pytest.mark.parametrize(("cores", "expected"), [(None, 0), (1, 0), (2, 2), (64, MAX_WORKERS)])
def test_there_are_as_many_workers_as_cores_up_to_a_limit(
    scenarios: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    cores: int | None,
    expected: int,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert workers(scenarios, "scenarios") == expected


@pytest.mark.parametrize(("memory", "expected"), [(None, CORES), (1.0, 0), (3.9, 0), (4.1, 2)])
def test_each_worker_needs_memory(
    scenarios: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    memory: float | None,
    expected: int,
) -> None:
    monkeypatch.setattr(capabilities, "available_memory", lambda: memory)
    assert workers(scenarios, "scenarios") == expected


@pytest.mark.parametrize(
    "options",
    [
        ["scenarios/test_it.py"],
        ["scenarios/test_it.py::test_1"],
        ["scenarios", "other"],
        ["scenarios", "-n0"],
        ["scenarios", "-n2"],
        ["scenarios", "-s"],
        ["scenarios", "--capture=tee-sys"],
        ["scenarios", "--pdb"],
        ["scenarios", "--trace"],
        ["scenarios", "--setup-plan"],
        ["scenarios", "--setup-show"],
        ["scenarios", "--fixtures"],
        ["scenarios", "--fixtures-per-test"],
        ["scenarios", "--lf"],
        ["scenarios", "--sw"],
        ["scenarios", "--collect-only"],
        ["scenarios", "-k", "test_1"],
        ["scenarios", "--issue=jupyterhub#2000"],
        ["scenarios", "--lab-name=mine"],
        ["scenarios", "--lab-keep"],
        [],
    ],
    ids=" ".join,
)
def test_a_run_of_fewer_tests_or_with_a_number_gets_no_default_workers(
    scenarios: pytest.Pytester, options: list[str]
) -> None:
    assert workers(scenarios, *options) == 0


def test_without_the_ini_option_nothing_is_distributed(suite: pytest.Pytester) -> None:
    assert workers(suite, ".") == 0


def test_all_workers_run_tests_which_keep_their_names(scenarios: pytest.Pytester) -> None:
    scenarios.makeconftest(f"{CONFTEST}\n{MACHINE}")  # for a process of its own
    result = scenarios.runpytest_subprocess("-p", "xdist.plugin", "scenarios")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines([f"hublab: {CORES} workers*", f"created: {CORES}/{CORES} workers"])
    result.stdout.re_match_lines_random(
        [rf"FAILED scenarios/test_{name}\.py::test_bad - " for name in ("it", "more")]
    )
    workers = set(re.findall(r"\[(gw\d)\] ", result.stdout.str()))
    assert len(workers) == 2, "one for each file"

    again = scenarios.runpytest_subprocess("-p", "xdist.plugin", "scenarios", "--lf")
    again.assert_outcomes(failed=2)


def test_a_file_directly_in_a_folder_stays_whole(scenarios: pytest.Pytester) -> None:
    """Its tests without a lab of the run's too: those that they bring up themselves have names."""
    own = "import pytest\n" + "".join(f"def test_{n}(): assert False\n" for n in range(12))
    (scenarios.path / "scenarios" / "test_it.py").write_text(own)
    scenarios.makeconftest(f"{CONFTEST}\n{MACHINE}")
    result = scenarios.runpytest_subprocess("-p", "xdist.plugin", "scenarios/")
    result.assert_outcomes(passed=1, failed=13)
    lines = re.findall(r"_ (test_\w+) _.*\n\[(gw\d)\] ", result.stdout.str())
    assert len({worker for name, worker in lines if name != "test_bad"}) == 1
