"""A scenario that hangs is ended, and the run goes on."""

from __future__ import annotations

import pytest
from plugin_project import CONFTEST

from hublab.pytest_plugin.failing_line import place_of

pytest_plugins = ("pytester", "plugin_suite")

HANGS = """\
import asyncio, pytest
pytestmark = pytest.mark.topology("lab")

async def wait():
    await asyncio.Event().wait()

async def test_hangs(lab):
    \"\"\"It ends.\"\"\"
    await wait()

async def test_is_late_itself(lab):
    async with asyncio.timeout(0.01):
        await wait()

async def test_goes_on(lab):
    assert not [one for one in asyncio.all_tasks() if "hangs" in repr(one)]
"""


def test_a_scenario_that_hangs_is_undecided_and_the_next_one_runs(suite: pytest.Pytester) -> None:
    suite.makepyfile(HANGS)
    result = suite.runpytest("--lab-timeout", "0.2")
    result.stdout.fnmatch_lines(
        ["UNDECIDED *::test_hangs", "*it was not over after 0.2 s", "*at *.py:5"]
    )
    result.assert_outcomes(failed=1, passed=1, warnings=1)


BLOCKS = """\
import subprocess, pytest
pytestmark = pytest.mark.topology("lab")

async def test_blocks_the_loop(lab):
    subprocess.run(["sleep", "60"])

def test_is_no_coroutine(lab):
    subprocess.run(["sleep", "60"])

async def test_goes_on(lab):
    pass
"""


def test_what_blocks_is_interrupted(suite: pytest.Pytester) -> None:
    """The loop can cancel nothing then: Python's signal.setitimer."""
    suite.makepyfile(BLOCKS)
    result = suite.runpytest("--lab-timeout", "0.2")
    result.stdout.fnmatch_lines(["UNDECIDED *_loop", "*at *.py:5", "UNDECIDED *", "*at *.py:8"])
    result.assert_outcomes(passed=1, warnings=1)


def test_a_limit_of_zero_is_none(suite: pytest.Pytester) -> None:
    suite.makepyfile(HANGS.replace("Event().wait()", "sleep(0.05)"))
    result = suite.runpytest("--lab-timeout", "0")
    assert "1 failed, 2 passed" in result.stdout.str()


@pytest.mark.parametrize("value", ["-1", "soon", "inf", "nan"])
def test_a_limit_that_is_none(suite: pytest.Pytester, value: str) -> None:
    result = suite.runpytest(f"--lab-timeout={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"argument --lab-timeout: invalid seconds value: '{value}'" in result.stderr.str()


def test_sabotage_does_not_count_a_scenario_that_hangs(suite: pytest.Pytester) -> None:
    """Nobody knows whether it would have noticed."""
    marker = '@pytest.mark.sabotage("proxy.port", 9000)\nasync def test_hangs'
    suite.makepyfile(HANGS.replace("async def test_hangs", marker))
    suite.makeconftest(CONFTEST.replace("case", "applied"))
    result = suite.runpytest("--sabotage", "--lab-timeout", "0.2", "-k", "test_hangs")
    assert "0 of 1 scenarios fail when the case is wrong" in result.stdout.str()


def test_a_scenario_begins_where_its_author_wrote_it(suite: pytest.Pytester) -> None:
    """And not where its limit is put around it."""
    suite.makepyfile(HANGS)
    items, _ = suite.inline_genitems()
    assert [(place_of(one).path, place_of(one).number) for one in items] == [
        (one.path, number) for one, number in zip(items, (7, 11, 15), strict=True)
    ]
