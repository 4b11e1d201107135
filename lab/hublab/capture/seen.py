"""What one host's packets said: the records that are printed beside it, as dataclasses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class End(NamedTuple):
    """One end of a connection: an address and a port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class SeenExchange:
    """An HTTP request with its answer; times are of the Unix clock, as the kernel stamped them."""

    seen_on: str
    t: float
    source: End
    target: End
    method: str
    path: str
    status: int | None
    seconds: float | None
    request_bytes: int
    response_bytes: int
    activity: Mapping[str, str | None] = field(default_factory=dict)
    """What a server reported: its name, and when it was last active."""
    routes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The proxy's table, where this is the answer that has it."""

    @property
    def key(self) -> tuple[End, End, str, str]:
        """What both ends see alike."""
        return (self.source, self.target, self.method, self.path)

    @property
    def outcome(self) -> tuple[int | None, int, int]:
        """What both ends must agree on."""
        return (self.status, self.request_bytes, self.response_bytes)


@dataclass(frozen=True, slots=True)
class SeenConnection:
    """A TCP connection; `seconds` is None while it is open, `exchanges` how many it carried."""

    seen_on: str
    t: float
    source: End
    target: End
    protocol: str
    seconds: float | None
    sent: int
    received: int
    end: str
    detail: str = ""
    exchanges: int = 0
    unanswered: int = 0
    """Exchanges without an answer."""
    opened: bool = True
    """Whether its beginning was seen; else nobody can be sure which end began it."""
    silent: float | None = None
    """When it fell silent, of one that had answers before."""

    @property
    def key(self) -> tuple[End, End]:
        return (self.source, self.target)

    @property
    def outcome(self) -> tuple[str, str]:
        return (self.protocol, self.end)


@dataclass(frozen=True, slots=True)
class SeenRing:
    """How far a host's packets reach, and what is missing."""

    seen_on: str
    first: float | None
    """The time of the first packet that was kept."""
    frames: int
    overwritten: bool
    """Whether older packets had to make room."""
    bytes: int
    problem: str


@dataclass(slots=True)
class Seen:
    """All that the captures of several hosts saw."""

    exchanges: list[SeenExchange] = field(default_factory=list)
    connections: list[SeenConnection] = field(default_factory=list)
    rings: list[SeenRing] = field(default_factory=list)

    def add(self, host: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Add the records of one host."""
        for record in records:
            match record["kind"]:
                case "exchange":
                    self.exchanges.append(SeenExchange(seen_on=host, **fields_of(record)))
                case "connection":
                    self.connections.append(SeenConnection(seen_on=host, **fields_of(record)))
                case "nobody":
                    self.connections.append(nobody(host, record))
                case "ring":
                    self.rings.append(SeenRing(seen_on=host, **fields_of(record)))


def fields_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record, its ends as such."""
    fields = {name: value for name, value in record.items() if name not in ("kind", "last")}
    return {
        name: End(*value) if name in ("source", "target") else value
        for name, value in fields.items()
    }


def nobody(host: str, record: Mapping[str, Any]) -> SeenConnection:
    """An address at which no host is: the kernel asks for it, and no connection is even tried."""
    source, target = End(record["source"], 0), End(record["target"], 0)
    detail = f"no host has the address {target.address}"
    return SeenConnection(
        host, record["t"], source, target, "tcp", None, 0, 0, "unanswered", detail
    )
