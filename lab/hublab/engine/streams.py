"""Streams of the engine: the events of a lab's containers, and their logs.

Both streams block while nothing happens, so each needs a thread; `close` from another thread ends
it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hublab.engine.api import Engine
from hublab.engine.connection import engine_errors
from hublab.engine.logs import without_marks
from hublab.engine.records import PROJECT, SERVICE, SIDECAR

LIFE = (
    *("create", "start", "restart", "stop", "die", "kill", "oom", "destroy"),
    *("pause", "unpause", "rename", "update"),
)
"""The actions that are reported; not `exec_*`, which hublab causes itself by looking."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """An event of a container of a lab; `at` is in seconds of the engine's clock."""

    at: float
    id: str
    host: str
    action: str
    exit_code: int | None
    signal: str | None


class Stream:
    """An endless response of the engine. Iterate once; `close` ends it."""

    def __init__(self, raw: Any, attempted: str) -> None:
        self._raw = raw
        self._attempted = attempted
        self._closed = False

    def __iter__(self) -> Iterator[Any]:
        try:
            with engine_errors(self._attempted):
                yield from self._raw
        except Exception:
            # `close` breaks the connection that the iteration waits for.
            if not self._closed:
                raise

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(Exception):
            self._raw.close()


def watch_containers(engine: Engine, lab: str, since: float) -> Stream:
    """The engine's events of a lab's containers, as dictionaries: see `container_event`."""
    attempted = f"watch the containers of lab {lab}"
    with engine_errors(attempted):
        filters = {"type": "container", "label": f"{PROJECT}={lab}"}
        raw = engine.client.api.events(since=since, filters=filters, decode=True)
    return Stream(raw, attempted)


def watch_log(engine: Engine, container: str, since: float) -> Stream:
    """A host's log from a time on, as pieces of bytes: see `log_lines`."""
    attempted = f"follow the log of {container[:12]}"
    with engine_errors(attempted):
        raw = engine.client.api.logs(
            container, stream=True, follow=True, timestamps=True, since=since
        )
    return Stream(raw, attempted)


def container_event(raw: dict[str, Any]) -> ContainerEvent | None:
    """One event; None if it is not one of a host's life cycle."""
    attributes = raw["Actor"]["Attributes"]
    action = str(raw["Action"])
    if action not in LIFE or SIDECAR in attributes or not attributes.get(SERVICE):
        return None
    code = attributes.get("exitCode")
    return ContainerEvent(
        at=raw["timeNano"] / 1e9,
        id=str(raw["Actor"]["ID"]),
        host=str(attributes[SERVICE]),
        action=action,
        exit_code=int(code) if code is not None else None,
        signal=attributes.get("signal"),
    )


def log_lines(piece: bytes) -> Iterator[tuple[str, str]]:
    """The lines of a piece of a log: the engine's time and the text, without colours."""
    # Lines end where the engine ends them: a program's own \r, or another sign, ends none.
    for line in COLOUR.sub("", without_marks(piece).decode(errors="replace")).split("\n"):
        at, _, text = line.partition(" ")
        if at:
            yield at, text.rstrip("\r")
