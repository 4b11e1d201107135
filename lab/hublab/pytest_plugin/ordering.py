"""The order of tests: what shares a lab and a case runs together, because switching costs time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.evidence import scenario_of
from hublab.pytest_plugin.topologies import topology_of

_BY_GROUP = "hublab_loadgroup"


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """With `-n`, distribute by group, else `xdist_group` is without effect.

    A wrapper, so that it comes before pytest-xdist sets its own default.
    """
    distributed = getattr(config.option, "numprocesses", None)
    if distributed and config.getoption("dist") == "no":
        config.option.dist = "loadgroup"
    return (yield)


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group by topology, then by case, otherwise in the order that others decided on."""
    items[:] = grouped(items)


def grouped(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The items with equal topologies together, and in them those with equal cases.

    Cases that stand side by side keep together instead: they share their test's hub.

    Groups stand in the order of their first items, items in the order in which they came.
    """
    topologies = [topology_of(item) for item in items]
    labelled = [
        (topology, (topology, _same_hub(item)))
        for topology, item in zip(topologies, items, strict=True)
    ]
    first: dict[object, int] = {}
    for number, labels in enumerate(labelled):
        for label in labels:
            first.setdefault(label, number)
    order = sorted(range(len(items)), key=lambda n: (*(first[one] for one in labelled[n]), n))
    return [items[number] for number in order]


def _same_hub(item: pytest.Item) -> str | None:
    """What items have in common that need no switch in between; None without a lab."""
    if item.get_closest_marker("side_by_side"):
        return scenario_of(item)
    case = case_of(item)
    return case.settings.digest if case else None
