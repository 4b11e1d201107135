"""Log lines of several hosts and servers, brought onto one clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from hublab.engine.streams import COLOUR, log_lines

OWN_TIME = re.compile(r"^\[[A-Z] (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)[.,](\d{3})")
"""How jupyter_server begins a record; the nodes of a lab keep UTC."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log; `at` as the engine writes it, so that texts sort as times do."""

    at: str
    source: str
    text: str


def host_lines(host: str, log: str) -> list[Line]:
    """The lines of a host's log that has the engine's timestamps."""
    return [Line(at, host, text) for at, text in log_lines(log.encode())]


def server_lines(source: str, log: str, begun: float) -> list[Line]:
    """The lines of a server's log, which bear times of their own.

    A line without one is of the record before it; the first lines are of the server's start.
    """
    at = datetime.fromtimestamp(begun, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    lines = []
    for line in COLOUR.sub("", log).removesuffix("\n").split("\n"):
        text = line.rstrip("\r")
        if own := OWN_TIME.match(text):
            at = f"{own[1]}T{own[2]}.{own[3]}000000Z"
        lines.append(Line(at, source, text))
    return lines


def on_one_clock(logs: Iterable[list[Line]], tail: int | None = None) -> list[Line]:
    """All lines in the order of their times; with `tail` the last ones alone."""
    merged = sorted((line for lines in logs for line in lines), key=lambda line: line.at)
    return merged if tail is None else merged[len(merged) - min(tail, len(merged)) :]


def in_columns(lines: Iterable[Line], width: int) -> Iterator[str]:
    """Each line with its time of day and its source, in `width` columns."""
    for line in lines:
        yield f"{line.at[11:23]} {line.source:<{width}} | {line.text}"
