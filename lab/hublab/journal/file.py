"""The journal of a run: typed lines of JSON on one clock, written as things happen.

A journal is a file of NDJSON. Each line is one event: `{"t": 1.25, "kind": "lab_up", …}`, where
`t` is seconds since the run began, by a monotonic clock. The first line is `run_started`. It has
the time of day, so that the journals of several processes can be merged.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from hublab.errors import InternalError, JournalError, MachineError
from hublab.journal import hosts, network
from hublab.journal.events import Event, RunStarted, event_from_json
from hublab.journal.private_file import write_private
from hublab.journal.redaction import hideable
from hublab.journal.secret_forms import in_base64, plain_forms

REDACTED = "[secret]"
KNOWN = (hosts, network)
"""Modules with kinds of events that every reader of a journal knows."""


class Entry(NamedTuple):
    """An event and when it happened, in seconds since the run began."""

    t: float
    event: Event


class Journal:
    """An open journal. Several tasks and threads may write to it.

    Each line reaches the operating system before `write` returns, so a killed writer loses nothing
    that it has written.
    """

    def __init__(self, path: Path, descriptor: int, secrets: Iterable[str]) -> None:
        """Use `Journal.open`."""
        self.path = path
        self._descriptor = descriptor
        self._start = time.monotonic()
        self._wall = time.time()
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        self._encoded: frozenset[str] = frozenset()
        self.watch: Callable[[Entry], None] = lambda entry: None
        """Gets each event once it is written, as a reader will see it."""
        for secret in secrets:
            self.hide(secret)

    @classmethod
    def open(cls, path: Path, *, run: str = "", secrets: Iterable[str] = ()) -> Journal:
        """Begin a new journal at `path`, and create its folder; `run` names the run.

        `secrets` are texts that must never reach the file (see `hide`). Raises JournalError when
        the file exists already, or cannot be created.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o600)
        except OSError as bad:
            raise JournalError(f"cannot begin a journal: {bad.strerror}", where=str(path)) from None
        journal = cls(path, descriptor, secrets)
        wall = datetime.fromtimestamp(journal._wall, UTC).isoformat()
        journal.write(RunStarted(run=run, wall=wall), t=0.0)
        return journal

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._start

    def at(self, wall: float) -> float:
        """The time of this journal that belongs to one of the Unix clock, at least its beginning.

        A journal's first line is that of its beginning, also after journals were merged.
        """
        return max(0.0, round(wall - self._wall, 6))

    def hide(self, secret: str) -> None:
        """From now on write `[secret]` for `secret`: as it is, percent-encoded, or in base64."""
        if not secret:
            raise InternalError("an empty text cannot be hidden")
        self._encoded |= in_base64(secret)
        texts = {*plain_forms(secret), *self._secrets}
        # The longest first: else the rest of a secret that contains another would stay.
        self._secrets = tuple(sorted(texts, key=len, reverse=True))

    def hide_all(self, secrets: Iterable[str]) -> None:
        """Hide those of these texts that can be hidden wherever they stand (`hideable`)."""
        for secret in hideable(secrets):
            self.hide(secret)

    def redacted(self, text: str) -> str:
        """A text without the secrets, for logs that are kept beside the journal."""
        return str(self._redact(text, all(one not in text for one in self._encoded)))

    def write(self, event: Event, *, t: float | None = None) -> Entry:
        """Write one event, which happened now or at `t`, and return it as a reader will see it."""
        with self._lock:
            if self._descriptor < 0:
                raise InternalError(f"the journal is closed: {event}", where=str(self.path))
            at = round(self.now() if t is None else t, 6)
            fields = {name: self._redact(value) for name, value in asdict(event).items()}
            line = json.dumps({"t": at, "kind": event.kind, **fields}, ensure_ascii=False)
            if any(one in line for one in self._encoded):
                fields = {name: self._redact(value, False) for name, value in fields.items()}
                line = json.dumps({"t": at, "kind": event.kind, **fields}, ensure_ascii=False)
            try:
                _write_all(self._descriptor, line.encode("utf-8", "backslashreplace") + b"\n")
            except OSError as bad:
                raise MachineError(
                    f"cannot write the journal: {bad.strerror}", where=str(self.path)
                ) from bad
        entry = Entry(at, event_from_json(event.kind, fields))
        self.watch(entry)
        return entry

    def _redact(self, value: Any, plain: bool = True) -> Any:
        """A value without secrets; unless it is `plain`, without their forms in base64 too."""
        if isinstance(value, str):
            for secret in self._secrets if plain else (*self._secrets, *self._encoded):
                value = value.replace(secret, REDACTED)
            return value
        if isinstance(value, dict):
            return {
                self._redact(key, plain): self._redact(item, plain) for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._redact(item, plain) for item in value]
        return value

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@dataclass(frozen=True, slots=True)
class _Line:
    path: Path
    number: int
    text: bytes

    def error(self, reason: str) -> JournalError:
        return JournalError(
            f"not a line of a journal: {reason}", where=f"{self.path}:{self.number}"
        )

    def entry(self) -> Entry:
        try:
            data = json.loads(self.text)
        except ValueError as bad:
            raise self.error(str(bad)) from None
        if not isinstance(data, dict):
            raise self.error("not a JSON object")
        t, kind = data.pop("t", None), data.pop("kind", None)
        if not isinstance(t, int | float) or not isinstance(kind, str):
            raise self.error("'t' (seconds) or 'kind' is missing")
        try:
            return Entry(float(t), event_from_json(kind, data))
        except JournalError as bad:
            raise self.error(bad.message) from None


def read_journal(path: Path) -> tuple[Entry, ...]:
    """Read a journal, finished or not.

    A last line without its end is left out: its writer was killed while writing it. Any other line
    that is not an event raises JournalError with file and line.
    """
    try:
        *lines, tail = path.read_bytes().split(b"\n")
    except OSError as bad:
        raise JournalError(f"cannot read the journal: {bad.strerror}", where=str(path)) from None
    del tail  # empty after a complete line, else an incomplete one
    entries = tuple(_Line(path, number, text).entry() for number, text in enumerate(lines, 1))
    if entries and not isinstance(entries[0].event, RunStarted):
        raise _Line(path, 1, b"").error("the first line must be run_started")
    return entries


def merge(paths: Iterable[Path]) -> tuple[Entry, ...]:
    """Several journals as one, in order of time; `t` counts from the earliest beginning.

    The times of day of their beginnings are compared, so the journals must come from one machine,
    and their order is as good as its clock. An empty journal adds nothing.
    """
    journals = [entries for path in paths if (entries := read_journal(path))]
    starts = [_wall(entries) for entries in journals]
    first = min(starts, default=0.0)
    moved = [
        Entry(round(entry.t + start - first, 6), entry.event)
        for start, entries in zip(starts, journals, strict=True)
        for entry in entries
    ]
    return tuple(sorted(moved, key=lambda entry: entry.t))


def write_merged(entries: Iterable[Entry], path: Path) -> None:
    """Write entries as one journal; replaces the file at `path`, when all of it is written.

    Raises MachineError.
    """
    lines = ({"t": t, "kind": event.kind, **asdict(event)} for t, event in entries)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    try:
        write_private(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise MachineError(
            f"cannot write the journal: {error.strerror}", where=str(path)
        ) from error


def _wall(entries: tuple[Entry, ...]) -> float:
    start = entries[0].event
    assert isinstance(start, RunStarted)  # read_journal checks it
    return datetime.fromisoformat(start.wall).timestamp()
