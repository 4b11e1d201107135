"""The names of tests: without the groups of workers, without their cases, and as folders."""

from __future__ import annotations

import re

import pytest

from hublab.settings.secrets import short_digest


def name_of(item: pytest.Item) -> str:
    """A test's id without the name of its group, which pytest-xdist appends in workers."""
    group = item.get_closest_marker("xdist_group")
    return item.nodeid.removesuffix(f"@{group.args[0]}") if group and group.args else item.nodeid


def scenario_of(item: pytest.Item) -> str:
    """A test's id without its cases."""
    return name_of(item).partition("[")[0]


def folder_name(nodeid: str) -> str:
    """A test's id as the name of a folder; distinct tests have distinct folders."""
    name = re.sub(r"[^\w.=\[\]-]+", "_", nodeid, flags=re.ASCII)
    return name if len(name) <= 100 else f"{name[:90]}~{short_digest(name)}"
