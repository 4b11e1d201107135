"""What all hosts of a lab, and the servers on its nodes, logged in a time, on one clock.

Hosts' lines have the engine's time. A server's have its own node's, which a clock fault may shift:
a line that claims to be of another time than its server ran in is taken for one that came with the
line before it.

Of each log its end is read, once and never more than a bounded part of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hublab.errors import HublabError
from hublab.journal.hosts import HostClock, LogLine, seconds_of
from hublab.running.lab import Lab
from hublab.running.log_lines import Line, host_lines, server_lines
from hublab.running.server_log import logs_anywhere

MOST_LINES = 20_000
"""Lines of one log that are read, the last ones."""
MOST_BYTES = 4_000_000
"""Bytes of one log that are read, the last ones: a program may print without an end."""
MOST = 2000
"""Lines of one host or server that go into a journal, the last ones."""
SLACK = 1.0
"""Seconds by which a server's line may be off: its records have milliseconds, its start has not."""


@dataclass(frozen=True, slots=True)
class Log:
    """The end of one log: of a host's programs, or of one start of a server on it."""

    host: str
    server: str
    """`alice` or `alice/NAME`; empty for the host itself."""
    begun: float
    """No line is older, in seconds of the Unix clock."""
    read: float
    """When it was read: no line is younger."""
    lines: tuple[Line, ...] = ()
    cut: bool = False
    """Whether earlier lines were left unread."""
    error: str = ""
    """Why it could not be read."""

    @property
    def missing(self) -> str:
        """What to tell of lines that are not there; empty where all are."""
        if self.error:
            return f"hublab: this log could not be read: {self.error}"
        limits = f"of a log {MOST_LINES} lines and {MOST_BYTES // 1_000_000} MB are read"
        return f"hublab: earlier lines are left out: {limits}" if self.cut else ""


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a log, and when it was written, in seconds of this machine's clock."""

    at: float
    line: LogLine


def clocks_of(lab: Lab) -> list[HostClock]:
    """How far the clocks of all hosts that run are ahead of this machine's."""
    found = []
    for host in lab.hosts:
        with contextlib.suppress(HublabError):
            begun = time.time()
            told = float(lab.output(host, "date", "+%s.%N"))
            ended = time.time()
            middle, half = (begun + ended) / 2, (ended - begun) / 2
            found.append(HostClock(lab.name, host, round(told - middle, 4), round(half, 4)))
    return found


def read_logs(lab: Lab, since: float, users: Iterable[str]) -> list[Log]:
    """The logs of all hosts since a time (seconds of the Unix clock), then those of servers.

    `users` are those whose servers are of interest; of them the starts since that time. A host's
    log that cannot be read says so: it must not hide what it was to explain.
    """
    found = []
    for host in lab.hosts.values():
        name = host.service
        try:
            text, cut = lab.engine.end_of_log(
                host.id, since=since, lines=MOST_LINES, most=MOST_BYTES
            )
        except HublabError as error:
            found.append(Log(name, "", since, time.time(), error=str(error)))
            continue
        found.append(Log(name, "", since, time.time(), tuple(host_lines(name, text)), cut))
    for user in users:
        with contextlib.suppress(HublabError):
            for log in logs_anywhere(lab, user, since=since - SLACK, most=MOST_BYTES):
                server = f"{log.user}/{log.server}".rstrip("/")
                lines = tuple(server_lines(log.label, log.text, log.begun))
                found.append(Log(log.host, server, log.begun, time.time(), lines, log.cut))
    return found


def in_order(lab: str, logs: Iterable[Log]) -> list[Said]:
    """The lines of several logs as a journal has them, the oldest first."""
    return sorted((one for log in logs for one in said(lab, log)), key=lambda one: one.at)


def said(lab: str, log: Log) -> Iterator[Said]:
    """The last lines of one log, each at a time that can be true."""

    def line(at: float, text: str) -> Said:
        return Said(at, LogLine(lab, log.host, log.server, text))

    at = log.begun
    lines: Sequence[Line] = log.lines[-MOST:]
    if left_out := len(log.lines) - len(lines):
        yield line(
            at, f"hublab: {left_out} {'or more ' if log.cut else ''}earlier lines are left out"
        )
    elif log.missing:
        yield line(at, log.missing)
    for one in lines:
        own = seconds_of(one.at) or 0.0
        at = own if log.begun - SLACK <= own <= log.read + SLACK else at
        yield line(at, one.text)
