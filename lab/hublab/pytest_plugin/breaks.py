"""What makes a scenario's sentences untrue: the marker `sabotage`.

    @pytest.mark.sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")
    @pytest.mark.sabotage("hub.snippet", "breaks/rejections_count.py", sentence="Rejections do not")

Markers of one sentence act together. Those without a sentence break the scenario as a whole, where
its own cases do not; each sentence that is named has to be noticed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hublab.cases.matrix import Axis, Case
from hublab.errors import SettingError
from hublab.pytest_plugin.software_change import changes_in, check_change, with_changes
from hublab.settings.syntax import JSONValue, is_snippet
from hublab.settings.values import Settings

WHOLE = ""
"""In place of a sentence: the scenario as a whole."""
_FEW = 4
"""With up to this many cases, each is paired with every other; with more, with two others."""


@dataclass(frozen=True, slots=True)
class Break:
    """Settings, and changes of the software, that make one sentence untrue."""

    sentence: str
    settings: Settings


@dataclass(frozen=True, slots=True, eq=False)
class BrokenCase(Case):
    """A case that a test does not assume."""

    sentence: str = WHOLE
    changes: frozenset[str] = frozenset()
    """The changes of software in it, one of which must act for the break to be noticed."""


CasePair = tuple[Case, BrokenCase]
"""The case that a test assumes, and the one that its lab gets."""


def resolve_snippet(node: pytest.Item, key: str, value: JSONValue) -> JSONValue:
    """Resolve a snippet's path from the folder of its test; other values stay as they are."""
    return str(node.path.parent / value) if is_snippet(key) and isinstance(value, str) else value


def breaks_of(node: pytest.Item) -> list[Break]:
    """The breaks that a test's markers name, that of the whole first.

    Raises SettingError that names the test.
    """
    where = f"{node.nodeid}, marker sabotage"
    found: dict[str, dict[str, Any]] = {}
    for mark in node.iter_markers("sabotage"):
        if len(mark.args) != 2 or mark.kwargs.keys() - {"sentence"}:
            hint = 'sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")'
            raise SettingError("sabotage takes a setting and a value", where=where, hint=hint)
        key, value = mark.args
        (checked,) = Axis.of(key, [resolve_snippet(node, key, value)], where=where).values
        if is_snippet(key):
            check_change(checked, where=f"{where}, {value}")
        found.setdefault(str(mark.kwargs.get("sentence", WHOLE)), {}).setdefault(key, checked)
    return [Break(one, Settings(found[one])) for one in sorted(found, key=lambda s: s != WHOLE)]


def given_break(config: pytest.Config) -> Break | None:
    """The break of `--lab-break`, in place of those that tests name.

    Raises SettingError.
    """
    where = "--lab-break"
    settings = Settings.parse(config.getoption("--lab-break"), where=where)
    for key, value in settings.items():
        if is_snippet(key):
            check_change(value, where=where)
    return Break(WHOLE, settings) if settings else None


def case_pairs(cases: Sequence[Case], breaks: Sequence[Break]) -> list[CasePair]:
    """Pairs of an assumed and an applied case: those of the breaks, then the other cases."""
    own = [(case, broken(case, one)) for one in breaks for case in cases]
    count = len(cases)
    shifts = range(1, count) if count <= _FEW else (1, count // 2)
    others = [(cases[n], cases[(n + shift) % count]) for shift in shifts for n in range(count)]
    pairs = [*own, *((one, BrokenCase(other.settings, other.around)) for one, other in others)]
    return [pair for pair in pairs if dict(pair[0]) != dict(pair[1])]


def broken(case: Case, by: Break) -> BrokenCase:
    """A case with a break."""
    settings = with_changes(case.settings, by.settings)
    return BrokenCase(settings, case.around, by.sentence, changes_in(by.settings))
