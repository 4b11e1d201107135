"""What the hosts of a lab said to each other, as captures saw it: who, whom, what, when.

An event's `t` is when its first packet was seen. Hosts are named as the lab names them; an address
that is none of a lab's hosts stays an address. Paths have no secrets, and bodies are never kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hublab.journal.events import Event, event


@event("exchange")
@dataclass(frozen=True, slots=True)
class Exchange(Event):
    """One HTTP request and its answer on one hop, from `source` to `port` of `target`.

    `status` is None where no answer was seen, `seconds` (until the last byte of the answer) where
    its end was not. Sizes are those of the bodies, in bytes. `purpose` is what the request is for,
    such as `spawn`, `activity`, `route`, `token`, `poll`; empty where nothing says so. `seen_on` is
    the host whose capture saw it.
    """

    lab: str
    source: str
    target: str
    port: int
    method: str
    path: str
    status: int | None
    seconds: float | None
    request_bytes: int
    response_bytes: int
    purpose: str
    seen_on: str


@event("connection")
@dataclass(frozen=True, slots=True)
class Connection(Event):
    """A TCP connection whose content stays closed, or is no HTTP: SSH, TLS, WebSockets, others.

    `protocol` is `ssh`, `tls`, `websocket`, `postgresql` or `tcp`. `seconds` is its length, None
    while it is open; of one that fell silent `t` and `seconds` count from then. `end` is how it
    ended: `open`, `closed`, `reset`, `refused` or `unanswered`.
    `detail` says what can be known of it: a TLS server name, an alert, a WebSocket's path.
    """

    lab: str
    source: str
    target: str
    port: int
    protocol: str
    seconds: float | None
    sent: int
    received: int
    end: str
    detail: str
    seen_on: str


@event("activity")
@dataclass(frozen=True, slots=True)
class ActivityBelieved(Event):
    """When a party believes that a server was last active; `last` is ISO 8601, or None for never.

    `party` is `server` (what it reports), `proxy` (its table) or `hub` (its API).
    """

    lab: str
    party: str
    user: str
    server: str
    last: str | None


@event("routes")
@dataclass(frozen=True, slots=True)
class RoutesBelieved(Event):
    """The routes of a party (`proxy` or `hub`): paths with their targets."""

    lab: str
    party: str
    routes: dict[str, str] = field(default_factory=dict)


@event("capture_lost")
@dataclass(frozen=True, slots=True)
class CaptureLost(Event):
    """What a host's capture could not keep: `packets`, where their number is known, and why."""

    lab: str
    host: str
    reason: str
    packets: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
