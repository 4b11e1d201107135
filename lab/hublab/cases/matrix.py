"""Axes and the cases that they multiply into: what is tried, in which order, under which name.

An axis is one setting and the values to try, or what surrounds the settings: a topology, a fault,
a version (`surroundings`). Axes multiply into cases. A case is one assignment with a stable id.
Pure: pytest and the command line make the same cases from the same text.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from hublab.cases.surroundings import NAMES, check_axis_key, check_surrounding, files_of
from hublab.errors import SettingError
from hublab.settings.secrets import short_digest, shown_value
from hublab.settings.syntax import (
    JSONValue,
    check_value,
    format_value,
    is_snippet,
    parse_value,
    read_json,
)
from hublab.settings.values import Settings

_LONGEST_VALUE_IN_ID = 40
# Text that an id may contain unchanged: no blanks or `;` (our separator), and only ASCII, because
# pytest escapes the rest and the same case would then have two names.
_PLAIN = re.compile(r"[!-:<-~]*")


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting and the values it takes, in the order given, each once."""

    key: str
    values: tuple[JSONValue, ...]
    where: str | None = field(default=None, compare=False)
    """The option, or file and key, that it came from."""

    @classmethod
    def of(cls, key: str, values: Iterable[JSONValue], *, where: str | None = None) -> Axis:
        """Make an axis from Python values; raises SettingError for a bad key or value."""
        check_axis_key(key, where=where)
        if isinstance(values, str):
            raise SettingError(
                f"the values of {key} are a list, not the text {values!r}",
                where=where,
                hint=f"[{values!r}]",
            )
        checked = tuple(_value(key, value, where) for value in values)
        if not checked:
            raise SettingError(f"the axis {key} has no values", where=where, hint=f"{key}=a,b")
        names = [format_value(key, value) for value in checked]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingError(f"the axis {key} has {twice[0]!r} twice", where=where)
        return cls(key, checked, where)


def _value(key: str, value: JSONValue, where: str | None) -> JSONValue:
    if key in NAMES:
        return check_surrounding(key, value, where=where)
    if is_snippet(key) and isinstance(value, str):
        return parse_value(key, value, where=where)
    return check_value(key, value, where=where)


def parse_axis(text: str, *, where: str | None = None) -> Axis:
    """Read `SETTING=["a","b"]` or `SETTING=a,b`; raises SettingError.

    Text that begins with `[` is a JSON list of values. Text that begins with `{` or `"` is the
    same without its brackets. Anything else is split at its commas and used unchanged.
    """
    key, equals, values = text.partition("=")
    if not equals:
        raise SettingError(f"not an axis: {text!r} has no '='", where=where, hint="SETTING=a,b")
    key = check_axis_key(key.strip(), where=where)
    return Axis.of(key, _split(key, values, where), where=where)


def _split(key: str, text: str, where: str | None) -> list[JSONValue]:
    first = text.lstrip()[:1]
    if first not in ("[", "{", '"'):
        return list(text.split(","))
    listed = text if first == "[" else f"[{text}]"
    return cast("list[JSONValue]", read_json(listed, what=f"the axis {key}", where=where))


@dataclass(frozen=True, slots=True, eq=False)  # equal as mappings are
class Case(Mapping[str, JSONValue]):
    """One assignment of settings and surroundings, read like a dict, with a stable name."""

    settings: Settings
    around: Mapping[str, JSONValue] = field(default_factory=dict)
    """Topology, versions and fault, where an axis names them."""

    def files(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """The Compose files of its lab, where test or matrix ask for those of `own`."""
        return files_of(own, self.around) if self.around else own

    @property
    def id(self) -> str:
        """`key=value` joined by `;`, in the order of the keys; `default` when nothing is set.

        What surrounds the settings comes first.

        Long or unprintable values are shortened and end in `~` and eight digits of their hash. A
        value that contains a secret is replaced by its hash.
        """
        named = (f"{key}={_short(shown_value(key, v))}" for key, v in self.items())
        return ";".join(named) or "default"

    def __getitem__(self, key: str) -> JSONValue:
        return self.around[key] if key in self.around else self.settings[key]

    def __iter__(self) -> Iterator[str]:
        return itertools.chain(self.around, self.settings)

    def __len__(self) -> int:
        return len(self.around) + len(self.settings)

    def __hash__(self) -> int:
        return hash(self.settings)

    def __str__(self) -> str:
        return self.id


def _short(text: str) -> str:
    if len(text) <= _LONGEST_VALUE_IN_ID and _PLAIN.fullmatch(text):
        return text
    shown = re.sub(r"[^\w.:/=-]+", "_", text, flags=re.ASCII)[: _LONGEST_VALUE_IN_ID - 9]
    return f"{shown}~{short_digest(text)}"


MOST_CASES = 1000
"""A matrix of more cases takes most of a day and is probably not meant."""


def refuse_too_many(axes: Iterable[Axis]) -> None:
    """Raise SettingError, with their number, for axes that make too many cases."""
    sizes = [len(axis.values) for axis in axes]
    if (count := math.prod(sizes)) > MOST_CASES:
        raise SettingError(
            f"these axes make {count:,} cases ({' x '.join(map(str, sizes))}); "
            f"{MOST_CASES:,} is the most",
            hint="fewer values, or several matrices",
        )


def override(axes: Iterable[Axis], *others: Axis) -> tuple[Axis, ...]:
    """`axes`, where each of `others` replaces the axis of its key or is added at the end."""
    by_key = {axis.key: axis for axis in axes}
    by_key.update((axis.key, axis) for axis in others)
    return tuple(by_key.values())


def cases(
    axes: Sequence[Axis] = (), *, pinned: Mapping[str, JSONValue] | None = None
) -> tuple[Case, ...]:
    """Every combination of the axes' values, the first axis changing slowest.

    `pinned` settings are part of every case; a pin replaces the axis of its key. Without axes there
    is one case. Raises SettingError if two axes have the same key, or for too many cases.
    """
    seen: set[str] = set()
    for axis in axes:
        if axis.key in seen:
            raise SettingError(f"two axes for {axis.key}", hint="one axis with all its values")
        seen.add(axis.key)
    pins = [Axis(key, (value,)) for key, value in (pinned or {}).items()]
    everything = override(axes, *pins)
    refuse_too_many(everything)
    return tuple(
        _case({axis.key: value for axis, value in zip(everything, values, strict=True)})
        for values in itertools.product(*(axis.values for axis in everything))
    )


def _case(values: Mapping[str, JSONValue]) -> Case:
    around = {key: values[key] for key in NAMES if key in values}
    settings = {key: value for key, value in values.items() if key not in around}
    return Case(Settings(settings), around)
