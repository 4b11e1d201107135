"""`--lab-table`, without Docker: which run ends with one, and what is in it."""

from __future__ import annotations

import json

import pytest

from hublab.cases.case_table import Seen
from hublab.cases.few_columns import MOST, few_columns
from hublab.cases.observations import seen_in
from hublab.journal.events import Observed, SpawnProgress

pytest_plugins = ("pytester", "plugin_suite")

BASE = "hub.JupyterHub.base_url"
SCENARIO = f"""\
import pytest
from hublab.journal.events import Observed
from hublab.pytest_plugin.evidence_store import EVIDENCE

pytestmark = pytest.mark.topology("lab")


@pytest.mark.matrix("{BASE}", ["/", "/jh/", "/no/"])
def test_statuses(lab, case, request):
    base = case["{BASE}"]
    asked = {{"method": "GET", "url": f"http://proxy:8000{{base}}hub/api/", "headers": [],
             "carries": ["Authorization"]}}
    allow = [["Access-Control-Allow-Origin", "*"]] if base == "/jh/" else []
    seen = {{"status": 404 if base == "/no/" else 200, "headers": allow, "redirects": []}}
    request.config.stash[EVIDENCE].record(Observed("request", {{"asked": asked, "seen": seen}}))
    assert seen["status"] == 200


def test_without_a_matrix(lab):
    pass
"""


@pytest.fixture
def mine(suite: pytest.Pytester) -> pytest.Pytester:
    suite.makepyfile(test_mine=SCENARIO)
    return suite


def test_a_run_of_one_file_ends_with_it(mine: pytest.Pytester) -> None:
    result = mine.runpytest("test_mine.py")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*cases of test_mine.py::test_statuses*",
            "base_url   VERDICT    GET /hub/api/ by token",
            "/          held       200",
            "/jh/       held       ≠ 200, origin [*]",
            "/no/       ≠ failed   ≠ 404",
            "",
            "verdict, where base_url=/no/:",
            "    expected seen[[]'status'[]] == 200, seen 404",
        ]
    )
    result.stdout.no_fnmatch_line("*cases of*test_without_a_matrix*")


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ((), False),
        (("--lab-table",), True),
        (("test_mine.py", "--lab-table=none"), False),
        (("test_mine.py::test_statuses",), True),
        (("test_mine.py", "--collect-only"), False),
    ],
)
def test_which_runs_end_with_one(
    mine: pytest.Pytester, options: tuple[str, ...], there: bool
) -> None:
    assert ("cases of" in mine.runpytest(*options).stdout.str()) == there


def test_workers_send_their_cases(mine: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed here")
    result = mine.runpytest_subprocess("-p", "xdist.plugin", "-n2", "test_mine.py")
    result.stdout.fnmatch_lines(["*cases of test_mine.py::test_statuses*", "*/jh/*origin [*]"])


def test_files_have_all_of_it(mine: pytest.Pytester) -> None:
    mine.runpytest("--lab-table=out.json")
    rows = json.loads((mine.path / "out.json").read_text())["test_mine.py::test_statuses"]
    assert [row["verdict"]["short"] for row in rows] == ["held", "held", "failed"]
    assert rows[1]["settings"] == {BASE: "/jh/"}
    assert rows[1]["observed"]["GET /hub/api/ by token"]["short"] == "200, origin *"
    mine.runpytest("--lab-table=out.csv")
    lines = (mine.path / "out.csv").read_text().splitlines()
    assert lines[0].startswith(f"{BASE},verdict,GET /hub/api/ by token")
    assert lines[2].startswith('/jh/,held,"200, origin *"')
    mine.runpytest("--lab-table=out.md")
    assert "| `/no/` | **failed** | 404 |" in (mine.path / "out.md").read_text()


def test_a_file_of_another_kind_is_refused_at_once(mine: pytest.Pytester) -> None:
    result = mine.runpytest("--lab-table", "test_mine.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--lab-table: test_mine.py ends in none of .json, .csv, .md" in result.stderr.str()


def test_answers_of_different_cases_have_one_question() -> None:
    def asked(path: str) -> Observed:
        question = {"method": "GET", "url": f"http://proxy:8000{path}", "headers": []}
        return Observed("request", {"asked": question, "error": "nobody answers\nat all"})

    plain = seen_in([asked("/user/alice/case-1/api")], {})
    moved = seen_in([asked("/jh/user/alice/case-2/api")], {BASE: "/jh/"})
    assert plain == moved
    assert plain == {
        "GET /user/alice/api by nobody": Seen("nobody answers", False, "nobody answers\nat all")
    }


@pytest.mark.parametrize(
    ("headers", "carries", "words"),
    [
        ([], [], "by nobody"),
        ([], ["alice-cookie"], "by cookie"),
        ([["Authorization", "[secret]"]], [], "by token"),
        ([["Cookie", "[secret]"], ["X-XSRFToken", "[secret]"]], [], "by cookie with XSRF token"),
    ],
)
def test_who_asks_may_stand_in_the_request_itself(
    headers: list[list[str]], carries: list[str], words: str
) -> None:
    url = "http://proxy:8000/hub/api/user"
    asked = {"method": "GET", "url": url, "headers": headers, "carries": carries}
    seen = {"status": 200, "headers": [], "redirects": []}
    event = Observed("request", {"asked": asked, "seen": seen})
    assert list(seen_in([event], {})) == [f"GET /hub/api/user {words}"]


def test_a_spawn_is_seen_by_its_end() -> None:
    events = [
        SpawnProgress("l", "alice", "", 10, "Connecting"),
        SpawnProgress("l", "alice", "", 100, "Spawn failed: no route"),
        SpawnProgress("l", "alice", "", 100, "Server ready at /user/alice/"),
    ]
    assert seen_in(events, {}) == {"spawn alice": Seen("no route, then ready")}


def test_what_tells_cases_apart_comes_first() -> None:
    first = {f"q{n}": Seen(str(n)) for n in range(20)} | {"same 1": Seen("a"), "same 2": Seen("a")}
    second = {**first, "q15": Seen("x"), "same 1": Seen("b"), "same 2": Seen("b")}
    columns, left = few_columns([first, second])
    assert [column.questions for column in columns[:2]] == [("same 1", "same 2"), ("q15",)]
    assert columns[0].head == "seen 1"
    assert columns[1].head == "q15"
    assert len(columns) == MOST
    assert left == 20 - 1 - (MOST - 2)
