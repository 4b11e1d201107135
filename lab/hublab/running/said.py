"""What all hosts of a lab, and the servers on its nodes, logged in a time, on one clock.

Hosts' lines have the engine's time. A server's have its own node's, which a clock fault may shift:
a line that claims to be of another time than its server ran in is taken for one that came with the
line before it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hublab.errors import HublabError
from hublab.journal.hosts import HostClock, LogLine, seconds_of
from hublab.running.lab import Lab
from hublab.running.log_lines import Line, host_lines, server_lines
from hublab.running.server_log import logs_anywhere

MOST = 2000
"""Lines of one host or server that are kept, the last ones."""
SLACK = 1.0
"""Seconds by which a server's line may be off: its records have milliseconds, its start has not."""


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


def said_since(lab: Lab, since: float, users: Iterable[str]) -> list[Said]:
    """The lines since a time (seconds of the Unix clock), the oldest first.

    `users` are those whose servers are of interest; of them the starts since that time. A log that
    cannot be read is left out: it must not hide what it was to explain.
    """
    until = time.time()
    found: list[Said] = []
    for host in lab.hosts.values():
        with contextlib.suppress(HublabError):
            text = lab.engine.logs(host.id, since=since, timestamps=True)
            lines = host_lines(host.service, text)
            found += said(lab.name, host.service, "", lines, since, until)
    for user in users:
        with contextlib.suppress(HublabError):
            for log in logs_anywhere(lab, user):
                if log.begun >= since - SLACK:
                    own = server_lines(log.label, log.text, log.begun)
                    server = f"{log.user}/{log.server}".rstrip("/")
                    found += said(lab.name, log.host, server, own, log.begun, until)
    return sorted(found, key=lambda one: one.at)


def said(
    lab: str, host: str, server: str, lines: list[Line], since: float, until: float
) -> Iterator[Said]:
    """The last lines of one log, each at a time that can be true."""
    at = since
    left_out = len(lines) - MOST
    if left_out > 0:
        text = f"hublab: {left_out} earlier lines are left out"
        yield Said(at, LogLine(lab, host, server, text))
    for line in lines[-MOST:]:
        own = seconds_of(line.at) or 0.0
        at = own if since - SLACK <= own <= until + SLACK else at
        yield Said(at, LogLine(lab, host, server, line.text))
