"""Several labs at once, a worker of pytest-xdist each: how many, and which tests share one.

One lab leaves cores idle, because most of a scenario is waiting for the hub or a server. So
`pytest scenarios`, a whole folder of the ini option `labs_at_once`, runs on as many as there are
cores; what asks for less, or to be watched, runs on one.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from hublab.pytest_plugin.topologies import lab_options, topology_of

MOST = 4
"""Labs at once, however many cores there are: each is half a dozen containers and a Chromium."""
_CHOSEN = pytest.StashKey[int]()
_BY_GROUP = "hublab_loadgroup"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option `labs_at_once`."""
    parser.addini(
        "labs_at_once",
        f"folders that, asked for as a whole, run on a lab for each core, up to {MOST}; "
        "-n decides otherwise",
        type="paths",
        default=[],
    )


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Choose the number where `-n` does not, and distribute by group.

    A wrapper, so that it comes before pytest-xdist reads its options. Without its distribution
    by group, `xdist_group` is without effect.
    """
    if labs := labs_for(config):
        config.option.numprocesses = config.stash[_CHOSEN] = labs
    if getattr(config.option, "numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "loadgroup"
    return (yield)


def labs_for(config: pytest.Config) -> int:
    """How many labs this run shall have of its own accord; 0: it is not to be distributed."""
    if getattr(config.option, "numprocesses", 0) is not None or hasattr(config, "workerinput"):
        return 0  # the command line says it, or there is no pytest-xdist
    whole = {folder.resolve() for folder in config.getini("labs_at_once")}
    asked = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    few = any(config.getoption(name) for name in ("collectonly", "keyword", "issue"))
    watched = config.getoption("capture") == "no" or config.getoption("usepdb", False)
    own = lab_options(config)
    if not asked <= whole or few or watched or own.name or own.keep:
        return 0
    labs = min(MOST, os.cpu_count() or 1)
    return labs if labs > 1 else 0


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that the run is distributed where nobody asked for it."""
    labs = config.stash.get(_CHOSEN, 0)
    return f"hublab: {labs} labs at once, as there are cores (-n 0: one)" if labs else None


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
    """Keep a folder's tests of one topology on one worker: they share a lab."""
    topology = topology_of(item)
    if topology is not None and item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(f"{'+'.join(topology)}:{item.path.parent.name}"))
