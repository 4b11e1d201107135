"""`hublab matrix` before a lab comes up: what is refused, and where the error points to."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hublab.cases.case_table import as_csv, as_markdown, reasons
from hublab.cases.matrix import Axis, parse_axis
from hublab.cli.matrix import matrix
from hublab.errors import HublabError, SettingError, UsageError
from hublab.matrix.by_hand import by_hand, first_failure
from hublab.matrix.file import example, read_file
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, Seen, failed
from hublab.matrix.request_lines import parse_request
from hublab.matrix.results import Results, Row
from hublab.paths import ROOT

HOST = Axis.of("hub.JupyterHub.hub_connect_ip", ["hub", "127.0.0.1"])
ORIGIN = Axis.of("server.ServerApp.allow_origin", ["", "*", "http://app.lab"])


ONE = '[[axes]]\nsetting = "hub.JupyterHub.ip"\nvalues = ["a"]\n'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "matrix.toml"
    file.write_text(text)
    return file


def test_the_example_is_a_matrix(tmp_path: Path) -> None:
    plan = read_file(written(tmp_path, example()))
    assert [axis.key for axis in plan.axes] == [HOST.key, ORIGIN.key]
    assert len(plan.cases) == 5  # of 2 x 3 one is left out
    assert plan.pinned["hub.Spawner.http_timeout"] == 20
    assert plan.requests[1].user == "alice"
    assert all(name in example() for name in PROBES)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("probes = []\naxes = = 1", "matrix.toml", "line 2"),
        ('colour = "red"', "matrix.toml: colour", "unknown key"),
        ('[[axes]]\nsetting = "hub.JupyterHub.ip"', "axes[0].values", "list of values"),
        ("[[axes]]\nvalues = [1]", "axes[0].setting", "has a setting"),
        ('[[axes]]\nsetting = "nosuch.x"\nvalues = [1]', "axes[0].setting", "unknown scope"),
        ('[[axes]]\nsetting = "hub.JupyterHub.ip"\nvalues = []', "axes[0].values", "no values"),
        ('[[axes]]\nsetting = "hub.JupyterHub.ip"\nvalues = ["a","a"]', "axes[0].values", "twice"),
        ('[[axes]]\nsetting = "hub.JupyterHub.ip"\nvalues = ["a"]\n' * 2, "axes[1].setting", "two"),
        ('[[axes]]\nsetting = "hub.JupyterHub.ip"\nvalues = ["a"]\nx = 1', "axes[0].x", "unknown"),
        ('probes = ["spwan"]', "probes[0]", "no probe 'spwan'"),
        ('probes = "spawn"', "probes", "list of texts"),
        ('requests = ["hub"]', "requests[0]", "no path"),
        ('requests = ["/hub --token"]', "requests[0]", "needs a user"),
        ('probes = ["spawn", "spawn"]', "matrix.toml: probes", "spawn is asked twice"),
        ("probes = []", "matrix.toml: probes", "nothing is asked"),
        (ONE + '[set]\n"hub.JupyterHub.ip" = "b"', "matrix.toml: set", "in every case"),
        (ONE + "[[exclude]]", "matrix.toml: exclude[0]", "leaves out everything"),
        (ONE + '[[exclude]]\n"hub.JupyterHub.ip" = "a"', "matrix.toml: exclude", "no case"),
        ("probes = []\nprobes = []", "matrix.toml", "line 2"),
        ('set = ["a"]', "matrix.toml: set", "table"),
        ('[set]\n"nosuch.x" = 1', 'set."nosuch.x"', "unknown scope"),
        ('[[exclude]]\n"hub.JupyterHub.ip" = "x"', "exclude[0]", "none of the axes"),
        (
            '[[axes]]\nsetting = "fault"\nvalues = ["none"]\n[[exclude]]\nfault = "freeze hub"',
            'exclude[0]."fault"',
            "no such value",
        ),
        ('[[axes]]\nsetting = "fault"\nvalues = ["freze hub"]', "axes[0].values", "no fault"),
        ('[[axes]]\nsetting = "topolgy"\nvalues = ["lab"]', "axes[0].setting", "no axis"),
        ('topology = ["lab", "ngnix"]', "matrix.toml: topology", "no topology"),
        ('[set]\nfault = "none"', 'set."fault"', "unknown scope"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(
    tmp_path: Path, text: str, where: str, words: str
) -> None:
    with pytest.raises(HublabError) as caught:
        read_file(written(tmp_path, text))
    assert where in str(caught.value.where)
    assert words in caught.value.message
    assert caught.value.exit_code == 64


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    file = tmp_path / "matrix.toml"
    file.write_bytes(b"probes = []\n# \xff\n")
    with pytest.raises(UsageError, match="no UTF-8: line 2"):
        read_file(file)


def test_a_file_that_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As some editors on Windows write it."""
    file = tmp_path / "matrix.toml"
    file.write_bytes(b"\xef\xbb\xbf" + ONE.encode())
    assert len(read_file(file).cases) == 1


def test_a_million_cases_in_a_file(tmp_path: Path) -> None:
    values = list(range(100))
    text = "".join(f'[[axes]]\nsetting = "hub.A.x{n}"\nvalues = {values}\n' for n in range(3))
    with pytest.raises(SettingError, match=r"1,000,000 cases \(100 x 100 x 100\)") as caught:
        read_file(written(tmp_path, text))
    assert str(caught.value.where).endswith("matrix.toml: axes")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read it: No such file"):
        read_file(tmp_path / "nowhere.toml")


def test_too_many_cases_are_refused_with_their_number() -> None:
    """At once, and not after they have been made."""
    axes = [Axis.of(f"hub.A.x{number}", range(100)) for number in range(3)]
    with pytest.raises(UsageError, match=r"1,000,000 cases \(100 x 100 x 100\)"):
        MatrixPlan(tuple(axes))


def test_exclusions_may_not_leave_nothing() -> None:
    with pytest.raises(UsageError, match="leave no case"):
        MatrixPlan((HOST,), excluded=({HOST.key: "hub"}, {HOST.key: "127.0.0.1"}))


@pytest.mark.parametrize("line", ["/hub --as", "/hub --nosuch", "/hub 'x", ""])
def test_a_request_that_is_none(line: str) -> None:
    with pytest.raises(UsageError, match="is no request") as caught:
        parse_request(line, where="--request")
    assert "PATH [--as USER" in str(caught.value.hint)


def row(plan: MatrixPlan, index: int, **cells: Seen) -> Row:
    case = plan.cases[index]
    return Row(case.id, {axis.key: str(case[axis.key]) for axis in plan.axes}, cells, 2.0)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    plan = MatrixPlan((HOST,), probes=("spawn",))
    found = Results(plan, tmp_path / "kept.json")
    found.add(row(plan, 1, spawn=Seen("no | way", False, "because")))
    found.add(row(plan, 0, spawn=Seen("ready")))
    return found


def test_what_was_seen_is_kept_and_taken_up_again(results: Results) -> None:
    again = Results(results.plan, results.path)
    again.load()
    assert again.rows == results.rows
    assert [one.id for one in again.in_order()] == [case.id for case in results.plan.cases]


def test_the_first_case_that_failed_can_be_looked_at(results: Results) -> None:
    """Row 1 is the second case; the command is one that a shell takes as it stands."""
    assert first_failure(results) == f"hublab up --name case --set {HOST.key}=127.0.0.1"
    results.add(row(results.plan, 1, spawn=Seen("403", False)))  # as it is meant to be, perhaps
    assert first_failure(results) is None
    results.rows.pop(results.plan.cases[1].id)
    assert first_failure(results) is None


@pytest.mark.parametrize(
    ("axis", "command"),
    [
        ("server.ServerApp.allow_origin=*", "--set 'server.ServerApp.allow_origin=*'"),
        ("server.ServerApp.allow_origin=", "--set server.ServerApp.allow_origin="),
        ("hub.A.b=[[1]]", "--set 'hub.A.b=[1]'"),
        ("topology=lab+nginx", "-f compose/lab.yaml -f compose/nginx.yaml"),
        ("fault=none", ""),
        ("fault=freeze node1", None),
        ("hub.DummyAuthenticator.password=geheimnis", None),
    ],
)
def test_the_command_for_a_case(
    monkeypatch: pytest.MonkeyPatch, axis: str, command: str | None
) -> None:
    """None where it would not say all of the case, or a secret."""
    monkeypatch.chdir(ROOT)
    plan = MatrixPlan((parse_axis(axis),))
    expected = None if command is None else f"hublab up --name case {command}".strip()
    assert by_hand(plan, plan.cases[0]) == expected


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to go on with"):
        Results(MatrixPlan((HOST,)), tmp_path / "none.json").load()


def test_another_question_is_another_matrix() -> None:
    plans = [MatrixPlan((HOST,)), MatrixPlan((HOST,), probes=("spawn",)), MatrixPlan((ORIGIN,))]
    assert len({plan.digest for plan in plans}) == 3


def test_the_forms(results: Results) -> None:
    rows = results.in_order()
    assert as_csv(results.plan.columns, rows).splitlines()[:2] == [
        "hub.JupyterHub.hub_connect_ip,spawn,spawn (detail)", "hub,ready,",
    ]  # fmt: skip
    assert "| `127.0.0.1` | **no \\| way** |" in as_markdown(results.plan.columns, rows)
    assert reasons(("spawn",), rows) == {("spawn", "because"): [rows[1].id]}


def test_an_error_loses_what_its_column_says() -> None:
    seen = failed(HublabError("alice could not sign in: 503", where="POST x", hint="hublab logs"))
    assert seen == Seen("503", False, "alice could not sign in: 503 (POST x)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a matrix needs an axis"),
        (["--axis", "hub.A.b=1", "--set", "hub.A.b=2"], "in every case"),
        (["--axis", "hub.A.b=1", "--probe", "spawn", "--probe", "spawn"], "spawn is asked twice"),
        (["--axis", "hub.A.b=1", "--axis", "hub.A.b=2"], "two axes for hub.A.b"),
        (["--axis", "hub.A.b"], "no '='"),
        (["--axis", "hub.A.b=1", "--probe", "nosuch"], "no probe 'nosuch'"),
        (["--axis", "hub.A.b=1", "--set", "x"], "--set"),
        (["--init"], "--init writes a file"),
    ],
)
def test_options_that_make_no_matrix(words: list[str], said: str) -> None:
    done = CliRunner().invoke(matrix, words)
    assert isinstance(done.exception, HublabError)
    assert said in str(done.exception)


def test_init_writes_once(tmp_path: Path) -> None:
    file = tmp_path / "new.toml"
    assert CliRunner().invoke(matrix, ["--init", str(file)]).exit_code == 0
    assert file.read_text() == example()
    again = CliRunner().invoke(matrix, ["--init", str(file)])
    assert "exists already" in str(again.exception)
