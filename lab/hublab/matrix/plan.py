"""What a matrix tries: axes, fixed settings, exclusions, probes and requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hublab.cases.matrix import Axis, Case, cases
from hublab.cases.options import DEFAULT_TOPOLOGY
from hublab.checkouts import Checkout
from hublab.errors import SettingError, UsageError
from hublab.matrix.request_lines import RequestLine
from hublab.settings.files import READ_AT_START
from hublab.settings.syntax import JSONValue
from hublab.settings.values import NO_SETTINGS, Settings

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
    checkouts: tuple[Checkout, ...] = ()
    """Working trees that every lab runs in place of releases."""
    _cases: tuple[Case, ...] = field(default=(), init=False, compare=False)

    def __post_init__(self) -> None:
        """Raise SettingError or UsageError for no case or question, too many, or one twice."""
        for axis in self.axes:
            if axis.key in self.pinned:
                raise SettingError(
                    f"{axis.key} is an axis, and the same in every case", where="set"
                )
        for kind, asked in (("probes", self.probes), ("requests", self.requests)):
            twice = [str(one) for index, one in enumerate(asked) if one in asked[:index]]
            if twice:
                raise UsageError(f"{twice[0]} is asked twice", where=kind)
        if not self.columns:
            raise UsageError("nothing is asked", where="probes", hint="a probe, or a request")
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
    def in_order_of_change(self) -> list[Case]:
        """Every case, so that neighbours differ in what costs least to change.

        Another topology or version is another lab; settings of hub, proxy, sshd and nginx are read
        when these start; a server's settings, and a fault, concern the next server only. Where
        nothing else decides, the order is the user's.
        """
        ranks: tuple[dict[object, int], ...] = ({}, {}, {})

        def rank(case: Case) -> tuple[int, ...]:
            at_start = tuple(
                str((key, value))
                for key, value in case.settings.items()
                if key.partition(".")[0] in READ_AT_START
            )
            said = (self.files_of(case), at_start, case.settings.digest)
            return tuple(
                known.setdefault(one, len(known)) for known, one in zip(ranks, said, strict=True)
            )

        return sorted(self._cases, key=rank)

    @property
    def labs(self) -> list[tuple[str, ...]]:
        """The topologies of all cases, each once, in the order of need."""
        return list(dict.fromkeys(map(self.files_of, self.in_order_of_change)))

    def files_of(self, case: Case) -> tuple[str, ...]:
        """The Compose files that the lab of a case is made from."""
        return case.files(self.topology)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all that is asked in a case."""
        return (*self.probes, *(str(line) for line in self.requests))

    @property
    def digest(self) -> str:
        """Tells this matrix from another; the same text for the same cases and questions."""
        said: list[object] = [[case.id for case in self.cases], self.columns, self.topology]
        if self.checkouts:  # what was seen of one state of a tree says nothing of another
            said.append([one.source().digest for one in self.checkouts])
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]

    def _is_excluded(self, case: Case) -> bool:
        return any(
            all(case.get(key) == value for key, value in one.items()) for one in self.excluded
        )
