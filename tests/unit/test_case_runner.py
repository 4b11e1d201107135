"""The runner of cases: which state follows which, and how a lab that never got ready fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.cases import runner as runner_module
from hublab.cases.labs import Labs, topology_files
from hublab.cases.matrix import Case
from hublab.cases.options import LabOptions
from hublab.cases.runner import CaseRunner, Owner, State
from hublab.errors import HublabError, LabError
from hublab.journal.events import Event
from hublab.settings.values import Settings

LAB = ("lab",)
HUB = Case(Settings({"hub.JupyterHub.hub_ip": "0.0.0.0"}))
OTHER = Case(Settings({"hub.JupyterHub.hub_ip": "127.0.0.1"}))
SERVER = Case(HUB.settings.merged({"server.ServerApp.allow_origin": "*"}))
NOTHING = Case(Settings())


class Recording:
    """Keeps the kinds of what was recorded."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def record(self, event: Event) -> None:
        self.kinds.append(type(event).__name__)

    def hide(self, texts: Iterable[str]) -> None:
        pass


class Resets:
    """A fake of the lab that records whether each reset wrote all files, and may be interrupted."""

    def __init__(self) -> None:
        self.whole: list[bool] = []
        self.interrupt = False

    async def reset(self, lab: object, settings: Settings, *, whole: bool = True) -> float:
        self.whole.append(whole)
        if self.interrupt:
            raise asyncio.CancelledError
        return 1.0


@pytest.fixture
def resets(monkeypatch: pytest.MonkeyPatch) -> Resets:
    resets = Resets()

    async def applied(*_: object) -> list[object]:
        return []

    async def ready(*_: object) -> float:
        return 1.0

    @contextlib.asynccontextmanager
    async def unlocked(*_: object) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(runner_module, "reset_lab", resets.reset)
    monkeypatch.setattr(runner_module, "apply_settings", applied)
    monkeypatch.setattr(runner_module, "make_ready", ready)
    monkeypatch.setattr(runner_module, "settings_lock", unlocked)
    return resets


def runner(owner: Owner, original: Case = NOTHING) -> CaseRunner:
    lab: Any = SimpleNamespace(
        name="x",
        subnet="",
        as_json=lambda: {"hosts": []},
        one=lambda role: SimpleNamespace(service=role),
    )
    created: Any = SimpleNamespace(
        new=owner is not Owner.USER, seconds=0.0, getting_ready=contextlib.nullcontext
    )
    acceptance: Any = SimpleNamespace(check=lambda settings: None)
    return CaseRunner(
        created, lab, owner, Recording(), lambda line: None, original.settings, acceptance
    )


def run(one: CaseRunner, *cases: Case, group: str = "") -> list[str]:
    """The names of the servers of some cases, entered one after the other."""

    async def all_of_them() -> list[str]:
        await one.make_ready()
        return [(await one.enter(case, group)).own_server for case in cases]

    return asyncio.run(all_of_them())


def test_a_new_lab_is_in_its_first_case_without_a_reset(resets: Resets) -> None:
    one = runner(Owner.THIS_RUN)
    run(one, NOTHING, NOTHING)
    # The second time a test may have used it; its files are those that the run knows.
    assert resets.whole == [False]
    assert one.state is State.IN_CASE


def test_a_lab_that_was_found_is_reset_even_for_the_case_it_is_in(resets: Resets) -> None:
    run(runner(Owner.USER, original=HUB), HUB)
    assert resets.whole == [True]


def test_files_are_compared_only_where_this_run_wrote_them_all(resets: Resets) -> None:
    one = runner(Owner.THIS_RUN)
    run(one, HUB, OTHER)
    assert resets.whole == [True, False]
    resets.interrupt = True
    with pytest.raises(asyncio.CancelledError):
        run(one, HUB)
    assert one.state is State.SWITCHING
    resets.interrupt = False
    run(one, HUB)
    assert resets.whole[-1] is True


def test_cases_side_by_side_share_a_hub_and_have_servers_of_their_own(resets: Resets) -> None:
    one = runner(Owner.THIS_RUN)
    assert run(one, HUB, SERVER, group="test") == ["case-1", "case-2"]
    assert len(resets.whole) == 1
    # Another hub setting, or another group, begins anew.
    assert run(one, OTHER, group="test") == ["case-1"]
    assert run(one, OTHER, group="other") == ["case-1"]
    assert len(resets.whole) == 3


@pytest.mark.parametrize(
    ("owner", "cases", "restored"),
    [
        (Owner.USER, [OTHER], 1),
        (Owner.USER, [OTHER, HUB], 0),
        (Owner.USER, [], 0),
        (Owner.KEPT, [OTHER], 0),
        (Owner.THIS_RUN, [OTHER], 0),
    ],
)
def test_a_users_lab_gets_its_settings_back(
    resets: Resets, owner: Owner, cases: list[Case], restored: int
) -> None:
    one = runner(owner, original=HUB)
    run(one, *cases)
    before = len(resets.whole)
    asyncio.run(one.restore())
    assert len(resets.whole) - before == restored


def test_a_switch_that_was_cut_short_is_restored_too(resets: Resets) -> None:
    one = runner(Owner.USER, original=HUB)
    resets.interrupt = True
    with pytest.raises(asyncio.CancelledError):
        run(one, HUB)
    resets.interrupt = False
    asyncio.run(one.restore())
    assert resets.whole == [True, True]


@pytest.mark.parametrize(
    ("owner", "again"), [(Owner.THIS_RUN, "as an earlier test reported"), (Owner.USER, "no hub")]
)
def test_a_removed_lab_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, owner: Owner, again: str
) -> None:
    """A lab that this run did not create still exists, so it is tried again."""

    async def make_ready(*_: object) -> None:
        raise LabError("no hub\nin two lines")

    monkeypatch.setattr(runner_module, "make_ready", make_ready)
    labs = Labs(LabOptions(), Recording(), print)
    labs._labs[topology_files(LAB)] = runner(owner)
    for words in ("no hub", again):
        with pytest.raises(HublabError, match=words):
            asyncio.run(labs.make_ready(labs.get(LAB, list)))
