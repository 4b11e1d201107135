"""What a matrix tries: axes, fixed settings, exclusions, probes and requests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hublab.cases.matrix import Axis, Case, cases
from hublab.cases.options import DEFAULT_TOPOLOGY
from hublab.errors import UsageError
from hublab.matrix.request_lines import RequestLine
from hublab.settings.syntax import JSONValue
from hublab.settings.values import NO_SETTINGS, Settings

MOST_CASES = 1000
"""A matrix of more cases takes most of a day and is probably not meant."""
DEFAULT_PROBES = ("sign-in", "spawn", "reach", "origin", "websocket", "routes")


@dataclass(frozen=True, slots=True)
class MatrixPlan:
    """A matrix, its names and values checked, but not by the software that they are for."""

    axes: tuple[Axis, ...]
    pinned: Settings = NO_SETTINGS
    excluded: tuple[Mapping[str, JSONValue], ...] = ()
    """Combinations to leave out: each has the values of some of the axes."""
    probes: tuple[str, ...] = DEFAULT_PROBES
    requests: tuple[RequestLine, ...] = ()
    topology: tuple[str, ...] = DEFAULT_TOPOLOGY
    _cases: tuple[Case, ...] = field(default=(), init=False, compare=False)

    def __post_init__(self) -> None:
        """Raise UsageError for too many cases, or none; SettingError for an axis given twice."""
        count = math.prod(len(axis.values) for axis in self.axes)
        if count > MOST_CASES:
            sizes = " x ".join(str(len(axis.values)) for axis in self.axes)
            raise UsageError(
                f"these axes make {count:,} cases ({sizes}); {MOST_CASES:,} is the most",
                hint="fewer values, or several matrices",
            )
        everything = cases(self.axes, pinned=self.pinned)
        kept = tuple(case for case in everything if not self._is_excluded(case))
        if not kept:
            raise UsageError("the exclusions leave no case", where="exclude")
        object.__setattr__(self, "_cases", kept)

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every case in order, the first axis changing slowest."""
        return self._cases

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all that is asked in a case."""
        return (*self.probes, *(str(line) for line in self.requests))

    @property
    def digest(self) -> str:
        """Tells this matrix from another; the same text for the same cases and questions."""
        said = [[case.id for case in self.cases], self.columns, self.topology]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]

    def _is_excluded(self, case: Case) -> bool:
        return any(
            all(case.get(key) == value for key, value in one.items()) for one in self.excluded
        )
