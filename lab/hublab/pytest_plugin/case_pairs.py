"""Pairs of cases for `--sabotage`: one that the test assumes, and one that its lab gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hublab.cases.matrix import Axis, Case
from hublab.errors import SettingError
from hublab.settings.syntax import JSONValue, is_snippet
from hublab.settings.values import Settings

_FEW = 4
"""With up to this many cases, each is paired with every other; with more, with two others."""

CasePair = tuple[Case, Case]


def resolve_snippet(node: pytest.Item, key: str, value: JSONValue) -> JSONValue:
    """Resolve a snippet's path from the folder of its test; other values stay as they are."""
    return str(node.path.parent / value) if is_snippet(key) and isinstance(value, str) else value


def sabotage_settings(node: pytest.Item) -> Settings | None:
    """The settings of the nearest `sabotage` markers of a test; None without a marker.

    Raises SettingError that names the test.
    """
    where = f"{node.nodeid}, marker sabotage"
    found: dict[str, Any] = {}
    for mark in node.iter_markers("sabotage"):
        if len(mark.args) != 2 or mark.kwargs or not isinstance(mark.args[0], str):
            hint = 'sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")'
            raise SettingError("sabotage takes a setting and a value", where=where, hint=hint)
        key, value = mark.args
        axis = Axis.of(key, [resolve_snippet(node, key, value)], where=where)
        found.setdefault(key, axis.values[0])
    return Settings(found) if found else None


def case_pairs(cases: Sequence[Case], breaking: Settings | None) -> list[CasePair]:
    """Pairs of an assumed and an applied case, those with the scenario's own settings first."""
    own = [(one, broken(one, breaking)) for one in cases] if breaking else []
    count = len(cases)
    shifts = range(1, count) if count <= _FEW else (1, count // 2)
    others = [(cases[n], cases[(n + shift) % count]) for shift in shifts for n in range(count)]
    return [pair for pair in (*own, *others) if pair[0] != pair[1]]


def broken(case: Case, breaking: Settings) -> Case:
    """A case with a setting that breaks its scenario."""
    return Case(case.settings.merged(breaking), case.around)
