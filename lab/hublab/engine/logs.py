"""A container's log, as the engine keeps it: read, followed, and awaited up to a moment.

The engine has a line a moment after a program wrote it, so what a program has just done may not be
there yet. A mark that is written behind it on the same pipe comes after it; nobody sees the marks.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import docker.errors

from hublab.engine.records import ExecResult

MARKED = "hublab: this log was read up to here, "
MARK = re.compile(rf"^(?:\S+ )?{MARKED}[0-9a-f]{{16}}\n".encode(), re.MULTILINE)
"""A mark's line, with the engine's time before it or without."""
WRITE = 'printf "%s\\n" "$0" >/proc/1/fd/1 && printf "%s\\n" "$0" >/proc/1/fd/2'
"""What the first program of a container and all that it starts write to, unless told otherwise."""
BEHIND = 100
"""Lines of the log that are read before those that come while the mark is written."""
LOGGED = 30.0
"""Seconds after which a mark that is not in the log will not come: on an idle machine it takes some
milliseconds, and with eight programs for each processor less than a second."""
STREAMS = 2


def read(api: Any, container: str, **options: Any) -> str:
    """The log without marks; `options` are those of the SDK's `logs`. Raises the SDK's errors."""
    return without_marks(bytes(api.logs(container, **options))).decode(errors="replace")


def read_end(api: Any, container: str, *, since: float, lines: int, most: int) -> tuple[str, bool]:
    """The end of a log, as Engine.end_of_log has it. Raises the SDK's errors."""
    pieces: deque[bytes] = deque()
    size, cut = 0, False
    # One line more tells whether there are more.
    for piece in api.logs(
        container, stream=True, follow=False, since=since, tail=lines + 1, timestamps=True
    ):
        pieces.append(piece)
        size += len(piece)
        while size - len(pieces[0]) >= most:
            size -= len(pieces.popleft())
            cut = True
    raw = b"".join(pieces)
    over = raw.count(b"\n") - lines
    told = without_marks(raw).decode(errors="replace").split("\n")
    if cut:  # the first one is cut, unless a piece ends where a line does
        del told[0]
    beyond = len(told) - 1 - lines  # behind the last line end nothing follows
    return "\n".join(told[max(0, beyond) :]), cut or over > 0


def follow(api: Any, container: str, **options: Any) -> Iterator[bytes]:
    """The log as it grows, in pieces, without marks: each mark is a piece. Raises as `read`."""
    for piece in api.logs(container, stream=True, follow=True, **options):
        if kept := without_marks(piece):
            yield kept


def without_marks(log: bytes) -> bytes:
    """A log, or whole lines of one, without the lines that only say how far it was read."""
    return MARK.sub(b"", log) if MARKED.encode() in log else log


def settle(api: Any, container: str, run: Callable[[Sequence[str]], ExecResult]) -> None:
    """Wait until the log has all that was written to it before this was called.

    `run` runs a command in the container. Where none can write a mark, as in one that was told to
    print elsewhere, there is nothing to wait for. Raises the SDK's errors.
    """
    mark = f"{MARKED}{secrets.token_hex(8)}"
    # Followed, as either mark may be thousands of lines before the end once the other has come.
    stream = api.logs(container, stream=True, follow=True, tail=BEHIND)
    try:
        if run(["sh", "-c", WRITE, mark]).exit_code:
            return
        end, seen = time.monotonic() + LOGGED, 0
        for piece in stream:
            seen += piece.count(f"{mark}\n".encode())
            if seen == STREAMS:
                return
            if time.monotonic() > end:
                message = f"a line that was written to it is not there after {LOGGED:g} s"
                raise docker.errors.DockerException(message)
    finally:
        stream.close()
