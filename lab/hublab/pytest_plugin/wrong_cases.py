"""Which wrong cases a test is tried in with `--sabotage`: pairs of one told and one applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hublab.cases.matrix import Axis, Case
from hublab.errors import SettingError
from hublab.settings.syntax import JSONValue, is_snippet
from hublab.settings.values import Settings

_FEW = 4
"""Up to so many cases each is paired with every other; with more, with two of the others."""

Pair = tuple[Case, Case]


def beside(node: pytest.Item, key: str, value: JSONValue) -> JSONValue:
    """A snippet's file is named as seen from the test's own folder."""
    return str(node.path.parent / value) if is_snippet(key) and isinstance(value, str) else value


def breaks_of(node: pytest.Item) -> Settings | None:
    """What the nearest `sabotage` markers of a test break, each with a setting and a value.

    Raises SettingError that names the test.
    """
    where = f"{node.nodeid}, marker sabotage"
    found: dict[str, Any] = {}
    for mark in node.iter_markers("sabotage"):
        if len(mark.args) != 2 or mark.kwargs or not isinstance(mark.args[0], str):
            hint = 'sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")'
            raise SettingError("sabotage takes a setting and a value", where=where, hint=hint)
        key, value = mark.args
        found.setdefault(key, Axis.of(key, [beside(node, key, value)], where=where).values[0])
    return Settings(found) if found else None


def wrong_pairs(cases: Sequence[Case], breaks: Settings | None) -> list[Pair]:
    """What to tell and what to apply: the scenario's own break first, then others of its cases."""
    own = [(one, Case(Settings({**one.settings, **breaks}))) for one in cases] if breaks else []
    count = len(cases)
    shifts = range(1, count) if count <= _FEW else (1, count // 2)
    others = [(cases[n], cases[(n + shift) % count]) for shift in shifts for n in range(count)]
    return [pair for pair in (*own, *others) if pair[0].settings != pair[1].settings]
