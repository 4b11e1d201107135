"""The order of tests: what shares a lab and a case runs together, because switching costs time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hublab.pytest_plugin.cases import case_of
from hublab.pytest_plugin.evidence import scenario_of
from hublab.pytest_plugin.topologies import topology_of


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
