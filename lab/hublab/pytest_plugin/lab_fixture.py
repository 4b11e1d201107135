"""The fixture `lab`: a running lab in the state of the test's case.

The tests of one topology share a lab, and each test gets it as if it were new: no server runs, the
database is empty, the settings of its case are in effect. Each such reset takes about as long as a
start of the hub.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from hublab.cases.matrix import Case
from hublab.cases.options import DEFAULT_TOPOLOGY
from hublab.errors import HublabError, LabError, MachineError, SettingError, UsageError
from hublab.progress import Progress, Steps
from hublab.pytest_plugin.captured import begin_capture
from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.evidence_store import ENTERED_AT, EVIDENCE, LAB, STAYS
from hublab.pytest_plugin.failures import NoCase
from hublab.pytest_plugin.item_names import scenario_of
from hublab.pytest_plugin.reached import reach_after_failure
from hublab.pytest_plugin.topologies import lab_options, topology_of
from hublab.settings.values import Settings

if TYPE_CHECKING:  # collecting tests needs no Docker, so these are imported when needed
    from hublab.cases.labs import Labs
    from hublab.cases.runner import CaseRunner
    from hublab.running.channel import Channel
    from hublab.running.lab import Lab
    from hublab.running.live import LiveLab


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "may_refuse: hub or proxy may refuse to start in a case; `lab.refusal` then has the reason",
    )
    config.addinivalue_line(
        "markers",
        "side_by_side: the cases of this test differ in `server.` settings only and share one "
        "hub; each spawns the named server `lab.own_server`",
    )


def shown_despite_capture(config: pytest.Config) -> Progress:
    """Progress on stderr despite pytest's capturing, so that a user sees what takes long."""
    from rich.console import Console

    shown: list[str] = []
    manager = config.pluginmanager.getplugin("capturemanager")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    steps = Steps(console)

    def say(text: str) -> None:
        with manager.global_and_fixture_disabled() if manager else contextlib.nullcontext():
            if not shown:
                console.print()  # end pytest's unfinished line
            shown.append(text)
            steps(text)

    return say


@pytest.fixture(scope="session")
def _labs(pytestconfig: pytest.Config) -> Iterator[Labs]:
    """All labs of this run. Not asynchronous, so that Ctrl-C works while a lab comes up."""
    from hublab.cases.labs import Labs

    progress = shown_despite_capture(pytestconfig)
    labs = Labs(lab_options(pytestconfig), pytestconfig.stash[EVIDENCE], progress)
    yield labs
    labs.end()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _channels(_labs: Labs) -> AsyncIterator[Callable[[Lab], Any]]:
    """The channels into the labs, opened once and closed before a lab is removed or restored."""
    from hublab.running.channel import open_channel

    opened: dict[str, Channel] = {}
    async with contextlib.AsyncExitStack() as stack:

        async def channel(lab: Lab) -> Channel:
            if lab.name not in opened:
                opened[lab.name] = await stack.enter_async_context(open_channel(lab))
            return opened[lab.name]

        yield channel
    await _labs.restore()
    # Before the loop waits for its threads: a command that never ends does so with its container.
    _labs.end()


@pytest.fixture
def _runner(request: pytest.FixtureRequest, _labs: Labs) -> CaseRunner:
    """The lab of the test's topology, up but not in the test's case yet."""
    try:
        topology = topology_of(request.node) or DEFAULT_TOPOLOGY
        runner = _labs.get(topology, lambda: settings_of(request.session.items, topology))
    except (MachineError, UsageError) as error:
        end_run(request.config, error)
        raise
    request.node.stash[LAB] = runner.lab
    request.node.stash[STAYS] = runner.stays
    return runner


def end_run(config: pytest.Config, error: HublabError) -> None:
    """End the whole run with one message, because the problem concerns every test."""
    code = error.exit_code if isinstance(error, MachineError) else pytest.ExitCode.USAGE_ERROR
    if hasattr(config, "workeroutput"):
        config.workeroutput["hublab_end"] = [str(error), int(code)]
    pytest.exit(str(error), returncode=int(code))


def settings_of(items: list[pytest.Item], topology: tuple[str, ...]) -> list[Settings]:
    """The settings of the tests of one topology."""
    found = (case_of(item) for item in items if topology_of(item) == topology)
    return [one.settings for one in found if one and one.settings]


@pytest_asyncio.fixture(loop_scope="session")
async def lab(
    request: pytest.FixtureRequest,
    applied: Case,
    _labs: Labs,
    _runner: CaseRunner,
    _channels: Callable[[Lab], Any],
) -> AsyncIterator[LiveLab]:
    """A running lab in the test's case, without anything left by another test.

    Everything that the test opens through it is closed at the end. If hub or proxy refuse to
    start with the settings, the test fails with the end of their output, unless it is marked
    `may_refuse`. The fault of a case begins then, and is healed at the end.
    """
    from hublab.cases.faulted import faulted
    from hublab.running.live import LiveLab

    evidence = request.config.stash[EVIDENCE]
    shares_hub = request.node.get_closest_marker("side_by_side")
    group = scenario_of(request.node) if shares_hub else ""
    opened = contextlib.AsyncExitStack()
    try:
        await _labs.make_ready(_runner)
        await begin_capture(request.config, _runner.lab, _labs.progress)
        entered = await _runner.enter(applied, group)
        if entered.refusal and not request.node.get_closest_marker("may_refuse"):
            raise entered.refusal
        request.node.stash[ENTERED_AT] = time.time()
        live = LiveLab(_runner.lab, await _channels(_runner.lab), evidence.journal, entered.refusal)
        live.own_server = entered.own_server
        opened.push_async_callback(live.close)
        await opened.enter_async_context(faulted(live, applied))
    except (SettingError, LabError) as error:
        if not _runner.stays and isinstance(error, LabError):
            error.hint = None  # its commands would need a lab that is removed by then
        # `from None`: else the error would be printed a second time, as the cause of this one.
        raise NoCase(error) from None
    async with opened:
        yield live
        await reach_after_failure(request.node, live)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """If a worker cannot have a lab, end the whole run and show the message once."""
    ending = getattr(node, "workeroutput", {}).get("hublab_end")
    if ending:
        message, code = ending
        pytest.exit(message, returncode=code)
