"""The kinds of events of a journal, each a small frozen dataclass.

A new kind is a dataclass of JSON values with `@event("its_kind")`, here or in the module that
writes it; a reader must have imported that module. Durations are in seconds.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from hublab.errors import InternalError, JournalError


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events: `kind` is the name of their kind in the file."""

    kind: ClassVar[str]


E = TypeVar("E", bound=Event)
_KINDS: dict[str, type[Event]] = {}
_RESERVED = frozenset({"t", "kind"})


def event(kind: str) -> Callable[[type[E]], type[E]]:
    """Register a frozen dataclass as the event of this kind."""

    def register(cls: type[E]) -> type[E]:
        if kind in _KINDS:
            raise InternalError(f"two kinds of events are named {kind}")
        for clash in _RESERVED.intersection(f.name for f in fields(cls)):
            raise InternalError(f"an event cannot have a field {clash!r}", where=kind)
        cls.kind = kind
        _KINDS[kind] = cls
        return cls

    return register


def event_from_json(kind: str, data: Mapping[str, Any]) -> Event:
    """The event of `kind` from the other fields of its line.

    Fields that are JSON arrays become tuples. Raises JournalError for an unknown kind, and for
    missing or unknown fields.
    """
    cls = _KINDS.get(kind)
    if cls is None:
        near = difflib.get_close_matches(kind, _KINDS, n=1)
        raise JournalError(f"unknown kind {kind!r}", hint=near[0] if near else ", ".join(_KINDS))
    known = {f.name: f for f in fields(cls)}
    needed = {
        f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING
    }
    if missing := sorted(needed - data.keys()):
        raise JournalError(f"{kind} lacks the field {', '.join(missing)}")
    if extra := sorted(data.keys() - known.keys()):
        raise JournalError(f"{kind} has no field {', '.join(extra)}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


@event("run_started")
@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The first line: `wall` is the time of day (ISO 8601 with its offset) at `t` 0."""

    run: str
    wall: str


@event("run_ended")
@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """The last line of a process that came to the end of its run; a killed one has none."""

    run: str


@event("scenario")
@dataclass(frozen=True, slots=True)
class ScenarioBegun(Event):
    """A file of scenarios, as its docstring describes it, before the first of its tests."""

    file: str
    title: str
    why: str
    sources: tuple[str, ...] = ()


@event("lab_up")
@dataclass(frozen=True, slots=True)
class LabUp(Event):
    """A lab is ready; `hosts` are objects with name, role and address."""

    lab: str
    subnet: str
    hosts: tuple[dict[str, Any], ...]
    seconds: float


@event("lab_down")
@dataclass(frozen=True, slots=True)
class LabDown(Event):
    """A lab was removed; `left` names what could not be removed."""

    lab: str
    seconds: float
    left: tuple[str, ...] = ()


@event("settings_applied")
@dataclass(frozen=True, slots=True)
class SettingsApplied(Event):
    """These settings are in effect now; `case` is the case's id, `digest` that of the settings."""

    lab: str
    case: str
    digest: str
    settings: dict[str, Any]


@event("restarted")
@dataclass(frozen=True, slots=True)
class Restarted(Event):
    """A program on a host was restarted and answers again."""

    lab: str
    host: str
    program: str
    reason: str
    seconds: float


@event("host_power")
@dataclass(frozen=True, slots=True)
class HostPower(Event):
    """Somebody killed, started or restarted a host or its program; `lost` says what that cost."""

    lab: str
    host: str
    action: str
    done: str
    seconds: float
    lost: dict[str, Any] | None = None


@event("spawn_progress")
@dataclass(frozen=True, slots=True)
class SpawnProgress(Event):
    """One progress message, as the user sees it; `progress` is 0 to 100."""

    lab: str
    user: str
    server: str
    progress: int | None
    message: str


@event("observation")
@dataclass(frozen=True, slots=True)
class Observed(Event):
    """What a probe saw, with its evidence and without judgement."""

    probe: str
    data: dict[str, Any]


@event("fault_begun")
@dataclass(frozen=True, slots=True)
class FaultBegun(Event):
    """A fault is in effect from now on; `fault` names its kind, `id` this one."""

    id: str
    fault: str
    targets: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)


@event("fault_healed")
@dataclass(frozen=True, slots=True)
class FaultHealed(Event):
    """The fault with this `id` is over; the counters prove whether it had an effect.

    `seconds` are those from its `fault_begun` on.
    """

    id: str
    seconds: float
    counters: dict[str, Any]


@event("diagnosed")
@dataclass(frozen=True, slots=True)
class Diagnosed(Event):
    """The hops that a diagnosis found broken, none where all answer.

    Each is an object with source, target, url, error, the setting that governs it, and workaround.
    """

    lab: str
    hops: tuple[dict[str, Any], ...]


@event("test_failed")
@dataclass(frozen=True, slots=True)
class PhaseFailed(Event):
    """The moment at which a test failed, in its `setup`, `call` or `teardown`.

    Its verdict follows, after its teardown.
    """

    test: str
    phase: str


@event("verdict")
@dataclass(frozen=True, slots=True)
class Verdict(Event):
    """How a test ended: `outcome` is held, failed, undecided, error or skipped.

    `claim` is the sentence that it tried. Of a failure, `expected` and `seen` are the two sides,
    and `places` are pairs of file and line, and the statement there.
    """

    test: str
    case: str
    outcome: str
    seconds: float
    message: str = ""
    claim: str = ""
    expected: str = ""
    seen: str = ""
    places: tuple[list[str], ...] = ()


@event("case_answered")
@dataclass(frozen=True, slots=True)
class CaseAnswered(Event):
    """What `hublab matrix` saw in a case: question -> short, ok and detail of the answer."""

    case: str
    values: dict[str, str]
    cells: dict[str, dict[str, Any]]
    seconds: float


@event("finding")
@dataclass(frozen=True, slots=True)
class FindingConfirmed(Event):
    """The test that proves a finding passed; `expected` names what documents the contrary."""

    test: str
    title: str
    project: str
    steps: str = ""
    expected: str = ""
    seen: str = ""


@event("note")
@dataclass(frozen=True, slots=True)
class Note(Event):
    """Any other remark."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
