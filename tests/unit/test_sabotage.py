"""`--sabotage` and the markers `finding` and `issue`, without Docker."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hublab.cases.matrix import Axis, Case, cases
from hublab.pytest_plugin import sabotage
from hublab.pytest_plugin.breaks import WHOLE, Break, case_pairs
from hublab.pytest_plugin.docstrings import read_docstring
from hublab.pytest_plugin.software_change import changes_in
from hublab.settings.syntax import load_snippet
from hublab.settings.values import Settings

pytest_plugins = ("pytester", "plugin_suite")

KEY = "server.ServerApp.allow_origin"
# The real fixture puts a lab into the applied case; here that is what the test can look at.
CONFTEST = """\
import pytest

@pytest.fixture
def lab(applied):
    return dict(applied)
"""
SCENARIO = f"""\
import pytest
pytestmark = pytest.mark.topology("lab")

@pytest.mark.matrix("{KEY}", ["", "*"])
def test_looks(lab, case):
    assert lab["{KEY}"] == case["{KEY}"]

@pytest.mark.matrix("{KEY}", ["", "*"])
def test_blind(lab, case):
    pass

@pytest.mark.sabotage("{KEY}", "*")
def test_own_break(lab):
    assert "{KEY}" not in lab

def test_names_none(lab):
    pass

def test_without_lab():
    assert False
"""

USING = SCENARIO.replace(f'assert "{KEY}" not in lab', f'assert HELP and "{KEY}" not in lab')


def test_sabotage_finds_the_scenario_that_cannot_fail(suite: pytest.Pytester) -> None:
    suite.makeconftest(CONFTEST)
    suite.makepyfile(SCENARIO)
    result = suite.runpytest("--sabotage")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "NOT CAUGHT *::test_blind",
            f"*it passed with {KEY}= assumed, {KEY}=[*] applied",
            "NOT CAUGHT *::test_names_none",
            "*it has only one case, and no marker sabotage*",
            "2 of 4 scenarios fail when the case is wrong",
        ]
    )


def test_sabotage_of_good_scenarios_passes(suite: pytest.Pytester) -> None:
    suite.makeconftest(CONFTEST)
    suite.makepyfile(SCENARIO)
    result = suite.runpytest("--sabotage", "-k", "looks or own")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["2 of 2 scenarios fail when the case is wrong"])


def test_a_kept_score_goes_on_where_it_ended(suite: pytest.Pytester) -> None:
    """What was caught is left out until its file, or what it uses, changes; what was not is run."""
    suite.makeconftest(CONFTEST)
    suite.mkpydir("suite")
    for name, text in (("test_it", f"from .helper import HELP\n{USING}"), ("helper", "HELP = 1\n")):
        Path(f"suite/{name}.py").write_text(text)
    argv = ("--sabotage", "--lab-score=score.json", "-k", "looks or own or blind")
    first = suite.runpytest_subprocess("-p", "xdist.plugin", "-n2", *argv)
    first.stdout.fnmatch_lines(["NOT CAUGHT *::test_blind", "2 of 3 scenarios fail *"])
    kept = json.loads(Path("score.json").read_text())
    assert sorted(name.partition("::")[2] for name in kept) == ["test_looks", "test_own_break"]
    again = suite.runpytest_subprocess("-p", "xdist.plugin", "-n2", *argv)
    again.stdout.fnmatch_lines(["NOT CAUGHT *", "2 were caught by earlier runs", "2 of 3 *"])
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    alone = suite.runpytest(*argv[:2], "-k", "looks or own")
    alone.stdout.fnmatch_lines(["2 were caught by earlier runs", "2 of 2 *"])
    assert alone.ret == pytest.ExitCode.OK

    Path("suite/test_it.py").write_text(f'"""Told."""\nfrom .helper import HELP  # it\n{USING}')
    told = suite.runpytest(*argv[:2], "-k", "looks or own")
    told.stdout.fnmatch_lines(["2 were caught by earlier runs"])
    Path("suite/helper.py").write_text("HELP = 2\n")
    changed = suite.runpytest(*argv[:2], "-k", "looks or own")
    changed.stdout.fnmatch_lines(["1 were caught by earlier runs", "2 of 2 *"])


def test_a_score_has_what_all_workers_caught(suite: pytest.Pytester) -> None:
    """The controller alone writes, so that no worker undoes what another one has seen."""
    suite.makeconftest(CONFTEST)
    tests = "".join(
        f"@pytest.mark.sabotage('{KEY}', '*')\ndef test_{n}(lab):\n    assert '{KEY}' not in lab\n"
        for n in range(40)
    )
    suite.makepyfile(f"import pytest\npytestmark = pytest.mark.topology('lab')\n{tests}")
    argv = ("--sabotage", "--lab-score=score.json")
    done = suite.runpytest_subprocess("-p", "xdist.plugin", "-n3", *argv)
    done.stdout.fnmatch_lines(["40 of 40 *"])
    assert len(json.loads(Path("score.json").read_text())) == 40


def test_a_lost_engine_has_noticed_nothing(suite: pytest.Pytester) -> None:
    suite.makeconftest(CONFTEST)
    suite.makepyfile(
        f"""
        import pytest
        from hublab.errors import EngineError
        @pytest.mark.topology("lab")
        @pytest.mark.sabotage("{KEY}", "*")
        def test_x(lab):
            raise EngineError("gone")
        """
    )
    result = suite.runpytest("--sabotage")
    result.stdout.fnmatch_lines(["NOT CAUGHT *", "*gone*", "0 of 1 *"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--lab-score=score.json"], "*keeps the score of --sabotage*"),
        (["--sabotage", "--lab-score=none/score.json"], "*there is no folder*none*"),
        (["--sabotage", "--lab-score=other.json"], "*it is no score*"),
    ],
)
def test_a_score_that_cannot_be_kept(suite: pytest.Pytester, argv: list[str], message: str) -> None:
    Path("other.json").write_text("[1]")
    result = suite.runpytest(*argv)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_without_sabotage_the_applied_case_is_the_assumed_one(
    suite: pytest.Pytester,
) -> None:
    suite.makeconftest(CONFTEST)
    # A test without a matrix comes first: its case must not be kept for the others.
    suite.makepyfile("def test_first(lab):\n    assert lab == {}\n\n" + SCENARIO)
    suite.runpytest("-k", "first or looks").assert_outcomes(passed=3)


def test_pairs_differ_and_the_own_break_comes_first() -> None:
    few = cases([Axis.of(KEY, ["", "*"])])
    own = Settings({"hub.JupyterHub.hub_ip": "127.0.0.1"})
    pairs = case_pairs(few, [Break(WHOLE, own)])
    assert [dict(wrong) for _, wrong in pairs[:2]] == [{**own, KEY: ""}, {**own, KEY: "*"}]
    assert pairs[2:] == [(few[0], few[1]), (few[1], few[0])]
    assert case_pairs([Case(Settings())], []) == []


def test_a_change_is_added_to_the_snippet_of_the_case(tmp_path: Path) -> None:
    """The process gets both, and says of the change that its function was called."""
    own, change = tmp_path / "own.py", tmp_path / "change.py"
    own.write_text("seen = c\n")
    change.write_text(
        "async def two(one, *args): return 1 + await one(*args)\n"
        "def static(one, n): return one(n) + 10\n"
        "CHANGES = {'software:Class.coroutine': two, 'software:Class.fixed': static}\n"
    )
    snippets = [load_snippet(path) for path in (own, change)]
    case = Case(Settings({"hub.snippet": snippets[0]}))
    ((_, applied),) = case_pairs([case], [Break("one", Settings({"hub.snippet": snippets[1]}))])
    assert (applied.sentence, len(applied.changes)) == ("one", 1)
    software = tmp_path / "software.py"
    software.write_text(
        "class Class:\n    async def coroutine(self, n): return n\n"
        "    @staticmethod\n    def fixed(n): return n\n"
    )
    names: dict[str, Any] = {"c": "config"}
    sys.path.insert(0, str(tmp_path))
    try:
        exec(applied.settings.snippet("hub") or "", names)
        thing = importlib.import_module("software").Class()
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("software", None)
    assert names["seen"] == "config"
    before = set(Path("/tmp").glob("hublab-change.*"))
    assert asyncio.run(thing.coroutine(1)) == 2
    notes = set(Path("/tmp").glob("hublab-change.*")) - before
    assert {note.read_text().strip() for note in notes} == applied.changes
    assert thing.fixed(1) == 11
    for note in set(Path("/tmp").glob("hublab-change.*")) - before:
        note.unlink()


def test_each_sentence_is_noticed_by_itself(suite: pytest.Pytester) -> None:
    suite.makeconftest(CONFTEST)
    suite.makepyfile(
        f"""
        import pytest
        @pytest.mark.topology("lab")
        @pytest.mark.sabotage("{KEY}", "*", sentence="No star")
        @pytest.mark.sabotage("{KEY}", "other", sentence="no other")
        def test_x(lab):
            assert lab.get("{KEY}") != "*"
        """
    )
    result = suite.runpytest("--sabotage")
    result.stdout.fnmatch_lines(["NOT CAUGHT *::test_x: no other", "*", "1 of 2 scenarios *"])


def test_a_change_that_was_not_called_broke_nothing(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[str] = set()
    monkeypatch.setattr(sabotage, "called_changes", lambda lab, since: called)
    suite.makeconftest(
        CONFTEST.replace("def lab(applied", "def lab(request, applied").replace(
            "    return", "    request.node.stash[LAB] = None\n    return"
        )
        + "from hublab.pytest_plugin.evidence_store import LAB\n"
    )
    Path("change.py").write_text("CHANGES = {}\n")
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.topology("lab")
        @pytest.mark.sabotage("hub.snippet", "change.py")
        def test_x(lab):
            assert False
        """
    )
    result = suite.runpytest("--sabotage")
    result.stdout.fnmatch_lines(["NOT CAUGHT *", "*nothing that it changes was called", "0 of 1 *"])
    snippet = load_snippet(Path("change.py"))
    called |= changes_in(Settings({"hub.snippet": snippet}))
    suite.runpytest("--sabotage").stdout.fnmatch_lines(["1 of 1 *"])


@pytest.mark.parametrize("count", [5, 12])
def test_many_cases_are_tried_in_linear_time(count: int) -> None:
    many = cases([Axis.of(KEY, [str(n) for n in range(count)])])
    pairs = case_pairs(many, [])
    assert len(pairs) == 2 * count
    assert all(assumed.settings != applied.settings for assumed, applied in pairs)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        (
            'finding("a title")',
            "*marker finding: missing 4 required*hint: finding(title*",
        ),
        (
            'finding("t", project="x", steps="", expected="", seen="")',
            "*there is no project 'x'; hint: one of jupyterhub,*",
        ),
        ('issue("a#1", still=True)', "*marker issue: *'still'; hint: issue(*"),
        ('sabotage("hub.A.b")', "*sabotage takes a setting and a value*"),
        ('sabotage("hub.snippet", __file__)', "*says which functions it changes in CHANGES*"),
    ],
)
def test_a_faulty_marker_ends_the_collection(
    suite: pytest.Pytester,
    marker: str,
    message: str,
) -> None:
    suite.makeconftest(CONFTEST)
    suite.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_x(lab): pass")
    result = suite.runpytest("--sabotage", "--issue", "a#1")
    assert result.ret != pytest.ExitCode.OK
    text = result.stdout.str() + result.stderr.str()
    pytest.LineMatcher(text.splitlines()).fnmatch_lines([message])


def test_a_docstring_falls_into_its_parts() -> None:
    title, why, sources = read_docstring(
        "A title\nin two lines.\n\nWhy it matters: because\nof this.\n\n"
        "Sources:\n- one, that\n  goes on\n- two\n\nFinding: not one of them."
    )
    assert (title, why) == ("A title in two lines.", "because of this.")
    assert sources == ["one, that goes on", "two"]
    assert read_docstring("T.\n\nSource: only one.")[2] == ["only one."]


def test_every_scenario_says_where_its_expectations_come_from() -> None:
    from hublab.paths import SCENARIOS

    missing = []
    for path in Path(SCENARIOS).rglob("test_*.py"):
        title, why, sources = read_docstring(
            path.read_text().partition('"""')[2].partition('"""')[0]
        )
        if not (title and why and sources):
            missing.append(path.name)
    assert missing == []
