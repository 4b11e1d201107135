"""Distributes tests to workers of pytest-xdist, each with its own labs.

A single worker leaves cores idle, because a scenario mostly waits for the hub or a server. So a run
of a whole folder of the ini option `on_every_core`, such as `pytest scenarios`, gets a worker for
each core. A run of fewer tests, or an interactive one, gets no workers.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hublab.pytest_plugin.item_names import name_of
from hublab.pytest_plugin.topologies import lab_options, topology_of

MAX_WORKERS = 4
"""The limit for machines with many cores."""
GIB_PER_WORKER = 2.0
"""Labs stay up until the run ends; five hosts take 0.2 GiB, and more with servers."""
SELECTING = ("collectonly", "keyword", "issue", "lf", "failedfirst", "newfirst", "stepwise")
"""Options that select a few tests, or depend on the names of tests without workers."""
INTERACTIVE = (
    "usepdb",
    "trace",
    "setuponly",
    "setupplan",
    "setupshow",
    "showfixtures",
    "show_fixtures_per_test",
)
"""Options that interact with the user, which workers cannot."""

_CHOSEN = pytest.StashKey[int]()
_BY_GROUP = "hublab_loadgroup"
_NAME = "hublab_name"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option `on_every_core`."""
    parser.addini(
        "on_every_core",
        f"folders that, when run as a whole, use a worker for each core, up to {MAX_WORKERS}, "
        "each with its own labs; -n overrides this",
        type="paths",
        default=[],
    )


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Choose the number of workers unless `-n` does, and distribute by group.

    A wrapper, so that it runs before pytest-xdist reads its options. `xdist_group` has no effect
    unless tests are distributed by group.
    """
    if workers := workers_for(config):
        config.option.numprocesses = config.stash[_CHOSEN] = workers
    if getattr(config.option, "numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "loadgroup"
    return (yield)


def workers_for(config: pytest.Config) -> int:
    """The number of workers that this run gets by default; 0 for a run without workers."""
    if getattr(config.option, "numprocesses", 0) is not None or hasattr(config, "workerinput"):
        return 0  # set by the command line, or pytest-xdist is missing
    requested = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    own = lab_options(config)
    if (
        not requested <= whole_folders(config)
        or any(config.getoption(name, False) for name in (*SELECTING, *INTERACTIVE))
        or config.getoption("capture") in ("no", "tee-sys")
        or own.name
        or own.keep
        or own.files
    ):
        return 0
    workers = min(MAX_WORKERS, os.cpu_count() or 1, within_memory())
    return workers if workers > 1 else 0


def whole_folders(config: pytest.Config) -> set[Path]:
    """The folders of `on_every_core`."""
    return {folder.resolve() for folder in config.getini("on_every_core")}


def within_memory() -> int:
    """How many workers this machine has memory for."""
    from hublab.machine.capabilities import available_memory  # this imports Docker's client

    available = available_memory()
    return MAX_WORKERS if available is None else int(available / GIB_PER_WORKER)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Report that the run is distributed by default."""
    workers = config.stash.get(_CHOSEN, 0)
    return f"hublab: {workers} workers, each with its own labs (-n 0 for none)" if workers else None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker `xdist_group` if pytest-xdist is missing."""
    if not any(line.startswith("xdist_group") for line in config.getini("markers")):
        config.addinivalue_line("markers", "xdist_group(name): one worker for these tests")
    if getattr(config, "workerinput", {}).get(_BY_GROUP):
        config.option.loadgroup = True


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass our choice of distribution to a worker, which parses only the command line."""
    node.workerinput[_BY_GROUP] = node.config.option.dist == "loadgroup"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep a folder's tests of one topology on one worker, because they share a lab.

    Directly in a folder of `on_every_core`, keep the tests of a file together instead: the labs
    that they bring up themselves may have names.
    """
    if item.get_closest_marker("xdist_group") is not None:
        return
    topology, folder = topology_of(item), item.path.parent
    if folder.resolve() in whole_folders(item.config):
        item.add_marker(pytest.mark.xdist_group(item.path.name))
    elif topology is not None:
        item.add_marker(pytest.mark.xdist_group(f"{'+'.join(topology)}:{folder.name}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Add the test's own name, without its group, to a worker's report."""
    report = yield
    if hasattr(item.config, "workerinput"):
        setattr(report, _NAME, name_of(item))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Restore a test's own name in the controller, which prints and caches it."""
    if hasattr(report, "node"):  # only in the controller; xdist needs the other name in workers
        report.nodeid = getattr(report, _NAME, report.nodeid)
