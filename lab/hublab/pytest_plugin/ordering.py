"""Orders tests so that those with the same lab and case run together, which saves switches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.item_names import scenario_of
from hublab.pytest_plugin.topologies import topology_of


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group by topology, then by case; otherwise keep the order of other plugins."""
    items[:] = grouped(items)


def grouped(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Group items by topology, and within a topology by case.

    Tests whose cases are side by side stay together instead, because they share a hub. Groups are
    in the order of their first items, and items keep their order within a group.
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
    """A key that is equal for items that need no switch in between; None without a lab."""
    if item.get_closest_marker("side_by_side"):
        return scenario_of(item)
    case = case_of(item)
    return case.settings.digest if case else None
