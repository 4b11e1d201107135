"""What the hosts of a lab logged and believed, each line at the time when it was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hublab.journal.events import Event, event


@event("log_line")
@dataclass(frozen=True, slots=True)
class LogLine(Event):
    """A line that a host's program printed, or a single-user server (`server` is its name).

    `server` is `alice` or `alice/NAME`, and empty for the programs of the host itself. `t` is by
    the clock of the journal, after the host's clock was aligned with it.
    """

    lab: str
    host: str
    server: str
    text: str


@event("host_clock")
@dataclass(frozen=True, slots=True)
class HostClock(Event):
    """How far the clock of a host's programs is ahead of the journal's, in seconds.

    `accuracy` is the longest that the question took: the value is right within it.
    """

    lab: str
    host: str
    ahead: float
    accuracy: float


@event("server_state")
@dataclass(frozen=True, slots=True)
class ServerState(Event):
    """The state of a server by the hub's API: `pending start` or `stop`, `ready`, `stopped`."""

    lab: str
    user: str
    server: str
    state: str
    host: str = ""


def seconds_of(moment: str) -> float | None:
    """A time of day with its offset (RFC 3339) in seconds of the Unix clock; None for other texts.

    The engine writes nanoseconds, of which Python reads what it can keep.
    """
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return parsed.timestamp() if parsed.tzinfo else None
