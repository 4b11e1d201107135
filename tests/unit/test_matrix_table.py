"""The table of a matrix: reasons in cells, what differs, and a list where it has no room."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hublab.cases.case_table import which_cases
from hublab.cases.matrix import Axis
from hublab.cli import common, matrix_table
from hublab.cli.matrix_table import show_table
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import Seen
from hublab.matrix.results import Results, Row

LONG = "proxy -> hub: Connection refused (hub.JupyterHub.hub_connect_ip); node1 -> hub: the same"
AXES = (
    Axis.of("hub.JupyterHub.hub_connect_ip", ["hub", "127.0.0.1"]),
    Axis.of("version.hub", ["6.1.1"]),
    Axis.of("server.ServerApp.allow_origin", ["", "*"]),
)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    plan = MatrixPlan(AXES, probes=("reach", "origin"))
    found = Results(plan, tmp_path / "kept.json")
    for case in plan.cases:
        works = case[AXES[0].key] == "hub"
        reach = Seen("ok") if works else Seen(LONG, False, f"{LONG}, in full")
        origin = Seen("readable" if case[AXES[2].key] else "hidden")
        values = {axis.key: str(case[axis.key]) for axis in AXES}
        found.add(Row(case.id, values, {"reach": reach, "origin": origin}))
    return found


def printed(monkeypatch: pytest.MonkeyPatch, results: Results, width: int, *, colour: bool) -> str:
    """What a terminal of so many columns shows."""
    terminal = common.Terminal(
        file=io.StringIO(), force_terminal=True, width=width, highlight=False, soft_wrap=True,
        color_system="standard" if colour else None,
    )  # fmt: skip
    monkeypatch.setattr(common, "out", terminal)
    monkeypatch.setattr(matrix_table, "out", terminal)
    show_table(results, results.in_order())
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_a_wide_terminal_shows_a_table(monkeypatch: pytest.MonkeyPatch, results: Results) -> None:
    shown = printed(monkeypatch, results, 160, colour=False)
    head, first, second, third = shown.splitlines()[:4]
    assert head.split() == ["hub_connect_ip", "version.hub", "allow_origin", "REACH", "ORIGIN"]
    assert first.split() == ["hub", "6.1.1", "''", "ok", "hidden"]
    assert "≠ readable" in second
    assert "≠ proxy -> hub: Connection refused (hub." in third
    assert f"reach, where hub_connect_ip=127.0.0.1:\n    {LONG}, in full" in shown


def test_a_narrow_terminal_shows_a_list(monkeypatch: pytest.MonkeyPatch, results: Results) -> None:
    """No reason is cut there, and what differs is bold."""
    shown = printed(monkeypatch, results, 60, colour=True)
    assert LONG in shown
    assert "\x1b[1;31m" + LONG in shown
    assert "\x1b[1;33mreadable" in shown
    assert "≠" not in shown


def test_cases_are_named_by_what_tells_them_from_others(results: Results) -> None:
    rows = results.in_order()
    ids = [row.id for row in rows]
    assert which_cases(ids, rows) == "in every case"
    assert which_cases(ids[2:], rows) == "where hub_connect_ip=127.0.0.1"
    assert which_cases(ids[:1], rows) == "where hub_connect_ip=hub, allow_origin=''"
    assert which_cases([ids[0], ids[3]], rows) == (
        "where hub_connect_ip=hub, allow_origin=''; hub_connect_ip=127.0.0.1, allow_origin=*"
    )
