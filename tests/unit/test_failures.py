"""What is printed of a scenario that failed, by a suite of a user's own, without Docker."""

from __future__ import annotations

import shlex

import pytest

from hublab.pytest_plugin.logged import excerpt

pytest_plugins = ("pytester", "plugin_suite")

BASE = "hub.JupyterHub.base_url"
SCENARIO = f"""\
import pytest
from helper import settle

pytestmark = pytest.mark.topology("lab")
WANTED = 401


@pytest.mark.matrix("{BASE}", ["/", "/jh/"])
async def test_nobody_reads(lab, case):
    \"\"\"Without a token the API answers 401.

    More of it.
    \"\"\"
    status = 401 if case["{BASE}"] == "/" else 403
    assert status == WANTED


def test_it_settles(lab):
    settle({{"ready": False}})


def test_it_has_words(lab):
    assert not ["x"], "two of three\\nare wrong"


def test_another_error(lab):
    {{}}["absent"]
"""
HELPER = """\
def settle(model):
    assert model["ready"]
"""
WHOLE = f"""\
does not hold: Without a token the API answers 401.
case      {BASE} = /jh/
expected  status == 401
seen      403

test_mine.py:15
    assert status == WANTED

again     pytest 'test_mine.py::test_nobody_reads[{BASE}=/jh/]' --lab-keep"""


@pytest.fixture
def mine(suite: pytest.Pytester) -> pytest.Pytester:
    suite.makepyfile(test_mine=SCENARIO, helper=HELPER)
    return suite


def test_the_whole_of_a_failure(mine: pytest.Pytester) -> None:
    result = mine.runpytest("-k", "nobody_reads", "--lab-table=none")
    result.assert_outcomes(passed=1, failed=1)
    said = result.stdout.str().partition("FAILURES")[2].partition("\n")[2]
    title, _, body = said.partition("\n")
    assert title.strip("_ ") == f"test_nobody_reads[{BASE}=/jh/]"
    assert body.partition("\n=====")[0] == WHOLE


def test_the_hint_runs_as_it_stands(mine: pytest.Pytester) -> None:
    """Also with an axis of the command line, whose cases have other ids."""
    result = mine.runpytest("-k", "nobody_reads", "--axis", f'{BASE}=["/", "/a b/"]')
    (again,) = [line for line in result.outlines if line.startswith("again")]
    program, *words = shlex.split(again.partition(" ")[2])
    assert program == "pytest"
    mine.runpytest(*words).assert_outcomes(failed=1)


def test_a_helper_beside_the_test_is_shown_and_the_plugin_is_not(mine: pytest.Pytester) -> None:
    said = mine.runpytest("-k", "settles").stdout.str()
    assert "does not hold: it settles\ncase      default\nexpected  model['ready']\n" in said
    assert "test_mine.py:19\n    settle({'ready': False})" in said.replace('"', "'")
    assert "helper.py:2\n    assert model['ready']" in said.replace('"', "'")
    assert "lab = " not in said


def test_the_words_of_an_assertion_are_what_was_seen(mine: pytest.Pytester) -> None:
    said = mine.runpytest("-k", "words").stdout.str()
    assert "seen      two of three\n          are wrong\n" in said


def test_another_error_is_named(mine: pytest.Pytester) -> None:
    said = mine.runpytest("-k", "another").stdout.str()
    assert "does not hold: another error\ncase      default\nseen      KeyError: 'absent'\n" in said


@pytest.mark.parametrize("option", ["-vv", "--full-trace", "--tb=long", "--tb=short"])
def test_pytests_own_report_is_there(mine: pytest.Pytester, option: str) -> None:
    said = mine.runpytest("-k", "nobody_reads", option).stdout.str()
    assert "E       assert 403 == 401" in said or "E   assert 403 == 401" in said
    assert "does not hold" not in said


def test_other_tests_keep_pytests_report(mine: pytest.Pytester) -> None:
    mine.makepyfile(test_other="def test_x():\n    assert 1 == 2\n")
    assert "E       assert 1 == 2" in mine.runpytest("test_other.py").stdout.str()


def test_a_worker_sends_it_whole(mine: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    options = ("-p", "xdist.plugin", "-n1", "-k", "nobody_reads", "--color=yes")
    said = mine.runpytest_subprocess(*options).stdout.str()
    assert "\x1b[1mdoes not hold: Without a token" in said.replace("\x1b[31m", "")
    assert "seen      403" in said
    assert "@lab" not in said.partition("FAILURES")[2].partition("again")[2]


def test_no_secret_is_in_a_command(mine: pytest.Pytester) -> None:
    said = mine.runpytest("-k", "nobody_reads", "--set", "hub.X.token=geheimnis").stdout.str()
    assert "does not hold" in said
    assert "geheimnis" not in said
    assert "again" not in said


def test_lines_of_trouble_and_of_the_subject_come_from_a_log() -> None:
    log = [
        ("1", "[I 2026-01-01 00:00:00.000 JupyterHub app:1] Running"),
        ("2", "[I 2026-01-01 00:00:00.000 JupyterHub log:192] 200 GET /x (hublab@198.19.4.5) 1ms"),
        ("3", "[I 2026-01-01 00:00:00.000 JupyterHub log:192] 200 GET /hub/a (alice@198.19.4.5)"),
        ("4", "[W 2026-01-01 00:00:00.000 JupyterHub log:192] 403 GET /hub/b (@198.19.4.5)"),
        ("5", "[E 2026-01-01 00:00:00.000 JupyterHub log:184] {"),
        ("6", '      "Host": "alice"'),
    ]
    assert excerpt(log, {"alice"}) == [
        ("3", "[I JupyterHub log:192] 200 GET /hub/a (alice@198.19.4.5)"),
        ("4", "[W JupyterHub log:192] 403 GET /hub/b (@198.19.4.5)"),
    ]
