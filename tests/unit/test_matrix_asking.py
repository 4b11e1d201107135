"""Which questions of a case go side by side, and what an answer that never comes does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.errors import HubError
from hublab.matrix import asking
from hublab.matrix.asking import NO_SERVER, ask_all
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import PROBES, Probe, Seen, Visit

ALL = tuple(PROBES)


class Course:
    """Questions that only note when they were asked and answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.going: set[str] = set()
        self.beside: dict[str, set[str]] = {}
        self.order: list[str] = []
        probes = {name: replace(probe, ask=self.question(name)) for name, probe in PROBES.items()}
        monkeypatch.setattr(asking, "PROBES", probes)
        self.fails = False
        self.signed_in = 0

    def question(self, name: str) -> Callable[[Visit], Awaitable[Seen]]:
        async def ask(visit: Visit) -> Seen:
            self.order.append(name)
            self.going.add(name)
            for other in self.going:
                self.beside.setdefault(other, set()).update(self.going - {other})
                self.beside.setdefault(name, set()).add(other)
            if name == "spawn":
                await visit.server()
            await asyncio.sleep(0)
            self.going.remove(name)
            return Seen("ok")

        return ask

    def visit(self) -> Visit:
        async def hub() -> None:
            pass

        async def spawn(user: str) -> Any:
            if self.fails:
                raise HubError("no")
            return SimpleNamespace()

        async def sign_in(user: str) -> str:
            self.signed_in += 1
            return user

        return Visit(SimpleNamespace(hub=hub, spawn=spawn, sign_in=sign_in))  # type: ignore[arg-type]


def test_the_user_signs_in_once_and_while_the_server_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    course = Course(monkeypatch)
    visit = course.visit()
    seen = []

    async def spawn(visit: Visit) -> Seen:
        await asyncio.sleep(0)
        seen.append(course.signed_in)
        return Seen("ready")

    async def cell(visit: Visit) -> Seen:
        return Seen(str(await visit.visitor()))

    probes = {
        name: replace(PROBES[name], ask=ask)
        for name, ask in (("spawn", spawn), ("cell", cell), ("websocket", cell))
    }
    monkeypatch.setattr(asking, "PROBES", probes)
    found = asyncio.run(ask_all(MatrixPlan((), probes=tuple(probes)), visit))
    assert seen == [1]
    assert [found.cells[name].short for name in probes] == ["ready", "alice", "alice"]
    assert course.signed_in == 1


def test_a_sign_in_that_hangs_delays_only_who_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course(monkeypatch)
    visit = course.visit()

    async def never(user: str) -> None:
        await asyncio.Event().wait()

    visit.live.sign_in = never  # type: ignore[method-assign, assignment]
    found = asyncio.run(ask_all(MatrixPlan((), probes=("spawn", "websocket", "reach")), visit))
    assert all(cell.ok for cell in found.cells.values())  # here no question asks for the user


def test_what_disturbs_nothing_goes_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course(monkeypatch)
    found = asyncio.run(ask_all(MatrixPlan((), probes=ALL), course.visit()))
    assert set(found.cells) == set(found.seconds) == set(ALL)
    assert "sign-in" in course.beside["spawn"]
    assert {"routes", "origin"} <= course.beside["reach"]
    # `reach` and `routes` would else see a server come; a question is activity.
    assert not course.beside["spawn"] & {"reach", "routes", "activity"}
    assert course.order[-1] == "activity"
    assert not course.beside["activity"] - {"activity"}


def test_without_a_server_nobody_asks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course(monkeypatch)
    course.fails = True
    found = asyncio.run(ask_all(MatrixPlan((), probes=ALL), course.visit()))
    assert found.cells["spawn"].short == "no"
    assert found.cells["cell"] == found.cells["origin"] == NO_SERVER
    assert found.cells["sign-in"].ok
    assert found.cells["reach"].ok
    assert not found.all_silent


def test_a_server_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course(monkeypatch)
    monkeypatch.setattr(asking, "LONGEST", 0.05)
    asked: list[str] = []

    async def hub(*_: str) -> None:
        pass

    async def spawn(user: str) -> None:
        asked.append(user)
        await asyncio.Event().wait()

    visit = Visit(SimpleNamespace(hub=hub, spawn=spawn, sign_in=hub))  # type: ignore[arg-type]
    found = asyncio.run(ask_all(MatrixPlan((), probes=("spawn", "cell", "reach")), visit))
    assert asked == ["alice"]
    assert found.cells["spawn"].short == "no answer in 0 s"
    assert found.cells["cell"] == NO_SERVER
    assert course.order == ["spawn", "reach"]


def test_a_lab_in_which_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    Course(monkeypatch)
    monkeypatch.setattr(asking, "LONGEST", 0.01)

    async def never(visit: Visit) -> Seen:
        await asyncio.Event().wait()
        raise AssertionError

    silent = {name: Probe(never, "") for name in ("reach", "routes")}
    monkeypatch.setattr(asking, "PROBES", silent)
    plan = MatrixPlan((), probes=("reach", "routes"))
    found = asyncio.run(ask_all(plan, Course.visit(SimpleNamespace(fails=False))))  # type: ignore[arg-type]
    assert found.all_silent
    assert not found.cells["reach"].ok
