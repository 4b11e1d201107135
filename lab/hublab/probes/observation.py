"""How a probe writes what it saw into the journal: once, as JSON, without secrets.

A probe that other probes are part of writes for all of them. While something is waited for, only
the last observation of each probe and question is kept, and written when the waiting ends.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from hublab.errors import HublabError
from hublab.journal.events import Observed
from hublab.journal.redaction import Redactor
from hublab.running.live import LiveLab

P = ParamSpec("P")
R = TypeVar("R")

MOST_ITEMS = 200
"""Of a list that are written; a log of thousands of requests would bury everything else."""
MOST_OF_A_WAIT = 20
"""Observations that one wait writes, the last ones: enough for all that one condition asks."""
LONGEST_TEXT = 4000
"""Characters of one text that are written."""


class _Probe:
    """Another probe is at work: what it asks for is part of its own observation."""

    over = False
    """Whether it has returned; a task that it started may still run, and inherits this."""


class _Wait:
    """Something is waited for: keeps the last observation of each probe and its arguments."""

    def __init__(self) -> None:
        self.latest: dict[str, tuple[LiveLab, Observed]] = {}
        self.over = False

    def keep(self, key: str, live: LiveLab, event: Observed) -> None:
        """Keep an observation in place of the one before it; those kept are in order of time."""
        self.latest.pop(key, None)
        self.latest[key] = live, event
        if len(self.latest) > MOST_OF_A_WAIT:
            del self.latest[next(iter(self.latest))]


_around: ContextVar[_Probe | _Wait | None] = ContextVar("hublab_around", default=None)


@contextlib.contextmanager
def observing(
    live: LiveLab,
    probe: str,
    asked: Mapping[str, object],
    *,
    secrets: Callable[[], Iterable[str]] = tuple,
) -> Iterator[Callable[[object], None]]:
    """Record what a probe sees within a block, which hands it to the function that it gets.

    `asked` says what was asked for. What the block raises is recorded in its place, if it is an
    error of hublab's own. `secrets` are looked up at the end and never written.
    """
    seen: list[object] = []
    error: str | None = None
    own = _Probe()
    token = _around.set(own)
    try:
        yield seen.append
    except HublabError as broken:
        error = broken.message
        raise
    finally:
        _around.reset(token)
        own.over = True
        if seen or error is not None:
            result = {"error": error} if error is not None else {"seen": seen[-1]}
            record(live, probe, {"asked": asked, **result}, secrets=secrets())


def observed(
    probe: str, seen: Callable[[Any], object] = lambda result: result
) -> Callable[
    [Callable[Concatenate[LiveLab, P], Awaitable[R]]],
    Callable[Concatenate[LiveLab, P], Coroutine[Any, Any, R]],
]:
    """Have a probe record what it returns, or `seen` of it, beside its plain arguments."""

    def decorate(
        function: Callable[Concatenate[LiveLab, P], Awaitable[R]],
    ) -> Callable[Concatenate[LiveLab, P], Coroutine[Any, Any, R]]:
        names = list(inspect.signature(function).parameters)[1:]

        @functools.wraps(function)
        async def asking(live: LiveLab, /, *args: P.args, **kwargs: P.kwargs) -> R:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            asked = {k: v for k, v in given.items() if isinstance(v, str | int | float | bool)}
            with observing(live, probe, asked) as saw:
                result = await function(live, *args, **kwargs)
                saw(seen(result))
            return result

        return asking

    return decorate


def record(
    live: LiveLab, probe: str, data: Mapping[str, object], *, secrets: Iterable[str] = ()
) -> None:
    """Write an observation into the journal, unless another probe or a wait takes care of it."""
    if live.journal is None:
        return
    around = _around.get()
    if isinstance(around, _Probe) and not around.over:
        return
    event = Observed(probe, plain(data, Redactor(secrets)))
    if around is None or around.over or isinstance(around, _Probe):
        live.record(event)
    else:
        key = json.dumps([probe, event.data.get("asked")], default=str)
        around.keep(key, live, event)


@contextlib.contextmanager
def unrecorded() -> Iterator[None]:
    """Record nothing within the block: the caller records the outcome as a whole."""
    probe = _Probe()
    token = _around.set(probe)
    try:
        yield
    finally:
        _around.reset(token)
        probe.over = True


@contextlib.contextmanager
def latest_only() -> Iterator[None]:
    """Record the last observation of each probe and question when the block ends, none before."""
    if _around.get() is not None:  # a wait or a probe around this one keeps it
        yield
        return
    wait = _Wait()
    token = _around.set(wait)
    try:
        yield
    finally:
        _around.reset(token)
        wait.over = True
        for live, event in wait.latest.values():
            live.record(event)


def plain(value: Any, hide: Redactor) -> Any:
    """A value as JSON: dataclasses as objects, sets sorted, bytes counted, texts redacted."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Mapping):
        return {plain_text(str(k), hide): plain(v, hide) for k, v in value.items()}
    if isinstance(value, AbstractSet):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        items = [plain(one, hide) for one in value[:MOST_ITEMS]]
        more = len(value) - MOST_ITEMS
        return [*items, f"and {more} more"] if more > 0 else items
    return plain_text(str(value), hide)


def plain_text(text: str, hide: Redactor) -> str:
    """A text without secrets and of bearable length."""
    text = hide.text(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
