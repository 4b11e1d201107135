"""With --json stdout is one JSON document, whether the verb answers or fails."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable

import pytest

from hublab.cli import json_output, main, ps
from hublab.errors import ExpectationFailed, NoSuchLab

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line on a machine with no lab; returns its exit code and streams."""

    def no_lab(name: str) -> None:
        raise NoSuchLab(f"no lab named {name} is running", hint="`hublab up` first")

    def line(*argv: str) -> tuple[int, str, str]:
        monkeypatch.setattr(json_output, "document", json_output.Document())
        monkeypatch.setattr("sys.argv", ["hublab", *argv])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(str(ended.value.code)), said.out, said.err

    monkeypatch.setattr(ps, "find", no_lab)
    return line


def test_an_error_is_the_document(run: Run) -> None:
    code, out, err = run("ps", "--name", "nosuch", "--json")
    assert code == 64
    assert json.loads(out) == {
        "error": "NoSuchLab",
        "message": "no lab named nosuch is running",
        "where": None,
        "hint": "`hublab up --name nosuch` first",
        "exit_code": 64,
    }
    assert "no lab named nosuch is running" in err


def test_without_it_stdout_stays_empty(run: Run) -> None:
    code, out, _ = run("ps", "--name", "nosuch")
    assert (code, out) == (64, "")


@pytest.mark.parametrize(
    "argv",
    [
        ("ps", "--nosuch", "--json"),
        ("cell", "alice", "1", "--timeout", "0", "--json"),
        ("spwan", "alice", "--json"),
    ],
)
def test_a_line_that_cannot_be_read(run: Run, argv: tuple[str, ...]) -> None:
    code, out, err = run(*argv)
    assert (code, json.loads(out)["error"]) == (64, "UsageError")
    assert "Usage:" in err


def test_an_answer_stays_the_only_document(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `reach` does, which tells its hops and then fails."""

    def answers_and_fails(name: str) -> None:
        json_output.emit({"answer": 1})
        raise ExpectationFailed("a hop broke")

    monkeypatch.setattr(ps, "find", answers_and_fails)
    code, out, _ = run("ps", "--json")
    assert (code, json.loads(out)) == (1, {"answer": 1})


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (ValueError("x"), 70)])
def test_what_is_no_error_of_ours(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def raising(name: str) -> None:
        raise error

    monkeypatch.setattr(ps, "find", raising)
    ended, out, _ = run("ps", "--json")
    assert (ended, json.loads(out)["exit_code"]) == (code, code)


@pytest.mark.parametrize(
    ("number", "code", "error"),
    [(errno.ENOSPC, 3, "MachineError"), (errno.EIO, 70, "InternalError")],
)
def test_what_the_system_refuses(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: int, code: int, error: str
) -> None:
    """A full disk is the machine's; whatever else nobody has foreseen is ours."""

    def fails(name: str) -> None:
        raise OSError(number, os.strerror(number), "/somewhere")

    monkeypatch.setattr(ps, "find", fails)
    ended, out, err = run("ps", "--json")
    assert (ended, json.loads(out)["error"]) == (code, error)
    assert ("Traceback" in err) == (code == 70)
