"""Tests on several workers of pytest-xdist, each with labs of its own: how many, and which.

One worker leaves cores idle, because most of a scenario is waiting for the hub or a server. So
`pytest scenarios`, a whole folder of the ini option `on_every_core`, has a worker for each core;
what asks for less, or to be watched, has none.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hublab.pytest_plugin.evidence import name_of
from hublab.pytest_plugin.topologies import lab_options, topology_of

MOST = 4
"""Workers, however many cores there are."""
MEMORY = 2.0
"""GiB a worker, whose labs stay until the run ends: five hosts take 0.2, with servers more."""
FEW = ("collectonly", "keyword", "issue", "lf", "failedfirst", "newfirst", "stepwise")
"""Options that choose a few tests, or need the names that tests have without workers."""
WATCHED = (
    "usepdb",
    "trace",
    "setuponly",
    "setupplan",
    "setupshow",
    "showfixtures",
    "show_fixtures_per_test",
)
"""Options that talk to whoever started the run, which workers cannot."""

_CHOSEN = pytest.StashKey[int]()
_BY_GROUP = "hublab_loadgroup"
_NAME = "hublab_name"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option `on_every_core`."""
    parser.addini(
        "on_every_core",
        f"folders that, asked for as a whole, have a worker for each core, up to {MOST}, "
        "each with labs of its own; -n decides otherwise",
        type="paths",
        default=[],
    )


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Choose the number where `-n` does not, and distribute by group.

    A wrapper, so that it comes before pytest-xdist reads its options. Without its distribution
    by group, `xdist_group` is without effect.
    """
    if workers := workers_for(config):
        config.option.numprocesses = config.stash[_CHOSEN] = workers
    if getattr(config.option, "numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "loadgroup"
    return (yield)


def workers_for(config: pytest.Config) -> int:
    """How many workers this run shall have of its own accord; 0: it is not to be distributed."""
    if getattr(config.option, "numprocesses", 0) is not None or hasattr(config, "workerinput"):
        return 0  # the command line says it, or there is no pytest-xdist
    asked = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    own = lab_options(config)
    if (
        not asked <= whole_folders(config)
        or any(config.getoption(name, False) for name in (*FEW, *WATCHED))
        or config.getoption("capture") in ("no", "tee-sys")
        or own.name
        or own.keep
        or own.files
    ):
        return 0
    workers = min(MOST, os.cpu_count() or 1, within_memory())
    return workers if workers > 1 else 0


def whole_folders(config: pytest.Config) -> set[Path]:
    """The folders of `on_every_core`."""
    return {folder.resolve() for folder in config.getini("on_every_core")}


def within_memory() -> int:
    """How many workers this machine has memory for."""
    from hublab.machine.capabilities import available_memory  # it knows Docker too

    available = available_memory()
    return MOST if available is None else int(available / MEMORY)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that the run is distributed where nobody asked for it."""
    workers = config.stash.get(_CHOSEN, 0)
    return f"hublab: {workers} workers, each with labs of its own (-n 0: none)" if workers else None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Know the marker `xdist_group` where pytest-xdist is not there to register it."""
    if not any(line.startswith("xdist_group") for line in config.getini("markers")):
        config.addinivalue_line("markers", "xdist_group(name): one worker for these tests")
    if getattr(config, "workerinput", {}).get(_BY_GROUP):
        config.option.loadgroup = True


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker to name the groups: it reads the command line anew, which lacks our choice."""
    node.workerinput[_BY_GROUP] = node.config.option.dist == "loadgroup"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep a folder's tests of one topology on one worker: they share a lab.

    Those of a file, where all tests of the run are in one folder.
    """
    topology = topology_of(item)
    if topology is not None and item.get_closest_marker("xdist_group") is None:
        folder = item.path.parent
        place = item.path if folder.resolve() in whole_folders(item.config) else folder
        item.add_marker(pytest.mark.xdist_group(f"{'+'.join(topology)}:{place.name}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Have a report of a worker bring the test's own name along, without that of its group."""
    report = yield
    if hasattr(item.config, "workerinput"):
        setattr(report, _NAME, name_of(item))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Give a test its own name back where it is shown and kept: others know it by that alone."""
    if hasattr(report, "node"):  # as the controller gets it; the worker itself is held to the other
        report.nodeid = getattr(report, _NAME, report.nodeid)
