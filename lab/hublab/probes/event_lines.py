"""The lines of `events`, as JSON objects: what happened to a container, a route or a server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hublab.engine.streams import ContainerEvent

Seen = dict[str, Any]
"""One line: `at`, `source`, and what the source says."""
State = Mapping[str, Any]
"""What is compared: path -> target of routes, user and name -> state of servers."""


def line_of(source: str, event: str, **data: Any) -> Seen:
    """A line of the stream, about something that was seen now."""
    return {"at": stamp(time.time()), "source": source, "event": event, **data}


def stamp(at: float) -> str:
    """A time as the engine writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def container_line(event: ContainerEvent) -> Seen:
    line: Seen = {"at": stamp(event.at), "source": "container", "host": event.host}
    line["event"] = event.action
    if event.exit_code is not None:
        line["exit_code"] = event.exit_code
    if event.signal is not None:
        line["signal"] = event.signal
    return line


def route_lines(before: State, now: State) -> list[Seen]:
    """What changed in the proxy's table."""
    return [
        line_of("route", what, path=path, target=new, before=old)
        for path, old, new, what in differences(before, now)
    ]


def server_lines(before: State, now: State) -> list[Seen]:
    """What changed of the servers: the state that each has now; None where it is gone."""
    lines = []
    for key, old, new, _ in differences(before, now):
        user, _, name = key.partition("/")
        lines.append(line_of("server", new or "gone", user=user, name=name, before=old))
    return lines


def differences(before: State, now: State) -> list[tuple[str, Any, Any, str]]:
    """Key, old value, new value, and one word for each key whose value is another one now."""
    found = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old != new:
            what = "added" if old is None else "removed" if new is None else "changed"
            found.append((key, old, new, what))
    return found
