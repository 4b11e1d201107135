"""The fixture `lab`: a running lab in the state of the test's case.

A lab is shared by the tests of one topology, and each test finds it as new: no server runs, the
database is empty, the settings of its case hold. That takes about a hub's start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from hublab.cases.matrix import Case
from hublab.errors import HublabError, LabError, MachineError, SettingError, UsageError
from hublab.progress import Progress, Steps
from hublab.pytest_plugin.cases import PINNED, case_of
from hublab.pytest_plugin.evidence import EVIDENCE, LAB, Evidence, scenario_of
from hublab.pytest_plugin.topologies import DEFAULT_TOPOLOGY, lab_options, topology_of
from hublab.settings.values import Settings

if TYPE_CHECKING:  # collecting tests needs no Docker: what talks to it is imported when needed
    from hublab.pytest_plugin.labs import Labs, SharedLab
    from hublab.running.channel import Channel
    from hublab.running.lab import Lab
    from hublab.running.live import LiveLab
    from hublab.running.readiness import ProgramEnded


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "may_refuse: hub or proxy may refuse to start in a case; then `lab.refusal` says why",
    )
    config.addinivalue_line(
        "markers",
        "side_by_side: the cases of this test differ in `server.` settings alone and share one "
        "hub; each spawns the named server `lab.own_server`",
    )


def teller(config: pytest.Config) -> Progress:
    """Progress on stderr while tests are captured: a person must see what takes long."""
    from rich.console import Console

    said: list[str] = []
    manager = config.pluginmanager.getplugin("capturemanager")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    steps = Steps(console)

    def say(text: str) -> None:
        with manager.global_and_fixture_disabled() if manager else contextlib.nullcontext():
            if not said:
                console.print()  # pytest's own line is not finished
            said.append(text)
            steps(text)

    return say


@pytest.fixture(scope="session")
def _labs(pytestconfig: pytest.Config) -> Iterator[Labs]:
    """All labs of this run. Not asynchronous, so that Ctrl-C acts while a lab comes up."""
    from hublab.pytest_plugin.labs import Labs

    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "")
    labs = Labs(
        lab_options(pytestconfig),
        pytestconfig.stash[EVIDENCE],
        teller(pytestconfig),
        worker,
        pytestconfig.stash[PINNED],
    )
    yield labs
    labs.end()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _channels(_labs: Labs) -> AsyncIterator[Callable[[Lab], Any]]:
    """The ways into the labs, each opened once and closed before its lab ends or is put back."""
    from hublab.running.channel import open_channel

    opened: dict[str, Channel] = {}
    async with contextlib.AsyncExitStack() as stack:

        async def channel(lab: Lab) -> Channel:
            if lab.name not in opened:
                opened[lab.name] = await stack.enter_async_context(open_channel(lab))
            return opened[lab.name]

        yield channel
    await _labs.put_back()


@pytest.fixture
def _shared_lab(request: pytest.FixtureRequest, _labs: Labs) -> SharedLab:
    """The lab of the test's topology, up but in whatever state."""
    from hublab.pytest_plugin.labs import end_run

    try:
        topology = topology_of(request.node) or DEFAULT_TOPOLOGY
        shared = _labs.get(topology, lambda: settings_of(request.session.items, topology))
    except (MachineError, UsageError) as error:
        end_run(request.config, error)
        raise
    request.node.stash[LAB] = shared.lab
    return shared


def settings_of(items: list[pytest.Item], topology: tuple[str, ...]) -> list[Settings]:
    """What the tests of one topology set."""
    found = (case_of(item) for item in items if topology_of(item) == topology)
    return [one.settings for one in found if one and one.settings]


@pytest_asyncio.fixture(loop_scope="session")
async def lab(
    request: pytest.FixtureRequest,
    applied: Case,
    _labs: Labs,
    _shared_lab: SharedLab,
    _channels: Callable[[Lab], Any],
) -> AsyncIterator[LiveLab]:
    """A running lab in which the settings of the case hold; nothing of another test is in it.

    What the test opens through it is closed at the end. Where hub or proxy refuse to start with
    the settings the test ends with their last words, unless it is marked `may_refuse`.
    """
    from hublab.running.live import LiveLab

    evidence = request.config.stash[EVIDENCE]
    refusal: ProgramEnded | None = None
    wrong: HublabError | None = None
    beside = request.node.get_closest_marker("side_by_side")
    test = scenario_of(request.node) if beside else ""
    own_server = ""
    try:
        await _labs.make_ready(_shared_lab)
        refusal, own_server = await checked_switch(_shared_lab, applied, evidence, test)
        wrong = None if request.node.get_closest_marker("may_refuse") else refusal
    except (SettingError, LabError) as error:
        wrong = error
    if wrong:
        if not _shared_lab.stays and isinstance(wrong, LabError):
            wrong.hint = None  # it would name commands on a lab that is gone when it is read
        pytest.fail(str(wrong), pytrace=False)
    live = LiveLab(_shared_lab.lab, await _channels(_shared_lab.lab), evidence.journal, refusal)
    live.own_server = own_server
    try:
        yield live
    finally:
        await live.close()


async def checked_switch(
    shared: SharedLab, case: Case, evidence: Evidence, beside: str
) -> tuple[ProgramEnded | None, str]:
    """Switch to a case and have it checked meanwhile: that takes about as long as a hub's start.

    In a lab that outlives the run it is checked first, so that nothing wrong stays there.
    `beside` is the test whose cases stand side by side, or empty. Returns why hub or proxy
    refuse the case, and the name for the case's server. Raises SettingError, which explains any
    refusal.
    """
    from hublab.running.settings_lock import settings_lock

    checking = asyncio.create_task(asyncio.to_thread(shared.check, case.settings))
    if shared.stays:
        await checking
    try:
        async with settings_lock(shared.lab.name, shared.say):
            if beside:
                switched = await shared.switch_beside(case, evidence, beside)
            else:
                switched = await shared.switch(case, evidence), ""
    finally:
        await checking
    shared.tell(case, evidence)
    return switched


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker that cannot have a lab ends the whole run, with its message said once."""
    told = getattr(node, "workeroutput", {}).get("hublab_end")
    if told:
        message, code = told
        pytest.exit(message, returncode=code)
