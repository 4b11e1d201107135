"""A run of a matrix over labs that fail: every case has a row, and the lab is replaced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.cases.matrix import Axis, Case, parse_axis
from hublab.cases.options import LabOptions
from hublab.cases.runner import Entered, Owner
from hublab.checkouts import checkouts_from
from hublab.errors import EngineError, LabError, SettingError, UsageError
from hublab.journal.events import CaseAnswered
from hublab.journal.file import Journal, read_journal
from hublab.matrix import run as run_module
from hublab.matrix.asking import Answers
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import Seen
from hublab.matrix.results import Results
from hublab.matrix.run import MatrixRun

BAD = "server.A.a"


class Fakes:
    """Labs in which a value of the axis says what fails; counts those that came up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.up: list[tuple[str, ...]] = []
        self.ended = 0
        self.entered: list[str] = []
        fakes = self

        class FakeLabs:
            def __init__(self, *_: object) -> None:
                self.lab = False

            def get(self, files: tuple[str, ...], upcoming: Any) -> Any:
                fakes.up.append(files)
                self.lab = True
                lab = SimpleNamespace(secrets=set)
                return SimpleNamespace(lab=lab, owner=Owner.THIS_RUN, enter=fakes.enter)

            async def make_ready(self, runner: object) -> None:
                pass

            async def restore(self) -> None:
                pass

            def end(self) -> None:
                fakes.ended += self.lab
                self.lab = False

        monkeypatch.setattr(run_module, "Labs", FakeLabs)
        monkeypatch.setattr(run_module, "LiveLab", lambda lab, channel, _: SimpleNamespace(
            lab=lab, channel=channel, close=self.close))  # fmt: skip
        monkeypatch.setattr(run_module, "open_channel", contextlib.nullcontext)
        monkeypatch.setattr(run_module, "faulted", self.faulted)
        monkeypatch.setattr(run_module, "ask_all", self.ask)
        self.closing = self.case = ""

    async def enter(self, case: Case) -> Entered:
        self.case = str(case[BAD])
        self.entered.append(case.id)
        match self.case:
            case "wedged":
                raise LabError("the hub did not say that it is running")
            case "gone":
                raise EngineError("no such container")
            case "refused":
                raise SettingError("no such value")
            case "slow":
                await asyncio.Event().wait()
        return Entered(None)

    async def ask(self, plan: MatrixPlan, visit: object) -> Answers:
        silent = self.case == "silent"
        cells = {name: Seen("ok") for name in plan.columns}
        return Answers(cells, dict.fromkeys(plan.columns, 1.0), len(cells) if silent else 0)

    @contextlib.asynccontextmanager
    async def faulted(self, live: object, case: Case) -> AsyncIterator[None]:
        if self.case == "faultless":
            raise LabError("the fault has no effect")
        yield
        if self.case == "unhealed":
            raise LabError("it could not be healed")

    async def close(self) -> None:
        if self.case == "hangs":
            await asyncio.Event().wait()


def ran(tmp_path: Path, fakes: Fakes, *axes: Axis) -> Results:
    results = Results(MatrixPlan(axes, probes=("reach", "routes")), tmp_path / "kept.json")
    MatrixRun(results, LabOptions(), lambda line: None).run()
    assert len(fakes.up) == fakes.ended
    return results


@pytest.mark.parametrize(
    ("bad", "labs", "short"),
    [
        ("wedged", 2, "the hub did not say that it is running"),
        ("gone", 2, "no such container"),
        ("slow", 2, "the lab did not answer in time"),
        ("refused", 1, "no such value"),
        ("faultless", 1, "the fault has no effect"),
        ("unhealed", 2, "ok"),
        ("hangs", 2, "ok"),
        ("silent", 2, "ok"),
    ],
)
def test_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bad: str, labs: int, short: str
) -> None:
    """What was seen before a lab could not be tidied up is kept."""
    monkeypatch.setattr(run_module, "ENTERING", 0.05)
    monkeypatch.setattr(run_module, "TIDYING", 0.05)
    fakes = Fakes(monkeypatch)
    results = ran(tmp_path, fakes, parse_axis(f"{BAD}=one,{bad},two"))
    shown = [row.cells["reach"].short for row in results.in_order()]
    assert shown == ["ok", short, "ok"]
    assert len(fakes.up) == labs


def test_a_lab_for_each_topology(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the rows in the user's order."""
    fakes = Fakes(monkeypatch)
    axes = parse_axis(f"{BAD}=one,two"), parse_axis("topology=lab,nginx")
    results = ran(tmp_path, fakes, *axes)
    assert fakes.up == [("lab",), ("lab", "nginx")]
    assert [row.id for row in results.in_order()] == [case.id for case in results.plan.cases]
    assert fakes.entered != [case.id for case in results.plan.cases]


def test_a_working_tree_that_changes_ends_the_matrix_before_the_next_lab(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A lab would have what is there now, beside answers of what was there before."""
    fakes = Fakes(monkeypatch)
    app = tmp_path / "tree" / "jupyterhub" / "app.py"
    app.parent.mkdir(parents=True)
    app.write_text("as it was")
    enter = fakes.enter

    async def changed(case: Case) -> Entered:
        app.write_text("as it is now")
        return await enter(case)

    fakes.enter = changed  # type: ignore[method-assign]
    axes = parse_axis(f"{BAD}=one"), parse_axis("topology=lab,nginx")
    trees = checkouts_from({"jupyterhub": tmp_path / "tree"})
    plan = MatrixPlan(axes, probes=("reach",), checkouts=trees)
    results = Results(plan, tmp_path / "kept.json")
    with pytest.raises(UsageError, match="a working tree has changed") as refused:
        MatrixRun(results, LabOptions(), lambda line: None).run()
    assert refused.value.where == str(tmp_path / "tree")
    assert fakes.up == [("lab",)]
    assert len(results.rows) == 1


def test_a_journal_has_the_answers_of_each_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Fakes(monkeypatch)
    plan = MatrixPlan((parse_axis(f"{BAD}=one,refused"),), probes=("reach",))
    results = Results(plan, tmp_path / "kept.json")
    with Journal.open(tmp_path / "journal.ndjson") as journal:
        MatrixRun(results, LabOptions(), lambda line: None, journal).run()
    told = [entry.event for entry in read_journal(journal.path)]
    answered = {e.case: e for e in told if isinstance(e, CaseAnswered)}
    assert list(answered) == [case.id for case in plan.in_order_of_change]
    refused = answered[f"{BAD}=refused"]
    assert refused.values == {BAD: "refused"}
    assert refused.cells["reach"]["short"] == "no such value"
    assert not refused.cells["reach"]["ok"]


def test_a_run_goes_on_where_it_was_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was seen stands in the file as soon as it was seen, however the run ends."""
    fakes = Fakes(monkeypatch)
    plan = MatrixPlan((parse_axis(f"{BAD}=one,two,three"),), probes=("reach",))
    first = Results(plan, tmp_path / "kept.json")
    enter = fakes.enter

    async def killed(case: Case) -> Entered:
        if case[BAD] == "two":
            raise KeyboardInterrupt
        return await enter(case)

    fakes.enter = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        MatrixRun(first, LabOptions(), lambda line: None).run()
    assert fakes.ended == 1
    fakes.enter = enter  # type: ignore[method-assign]
    again = Results(plan, first.path)
    again.load()
    MatrixRun(again, LabOptions(), lambda line: None).run()
    assert fakes.entered == [case.id for case in plan.cases]
    assert len(again.in_order()) == 3
