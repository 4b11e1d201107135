"""The names of tests: without the groups of workers, and without their cases."""

from __future__ import annotations

import pytest


def name_of(item: pytest.Item) -> str:
    """A test's id without the name of its group, which pytest-xdist appends in workers."""
    group = item.get_closest_marker("xdist_group")
    return item.nodeid.removesuffix(f"@{group.args[0]}") if group and group.args else item.nodeid


def scenario_of(item: pytest.Item) -> str:
    """A test's id without its cases."""
    return name_of(item).partition("[")[0]
