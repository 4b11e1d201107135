"""What the hosts' captures saw, as events with the time of the Unix clock at which they were."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from hublab.capture.hops import between_kernels, joined
from hublab.capture.hosts import Hosts
from hublab.capture.purposes import purpose_of
from hublab.capture.seen import Seen, SeenConnection, SeenExchange, SeenRing
from hublab.journal.events import Event, Note
from hublab.journal.network import (
    ActivityBelieved,
    CaptureLost,
    Connection,
    Exchange,
    RoutesBelieved,
)

MOST_DISAGREEMENTS = 20
"""In one note: more of them have one cause."""


class Happened(NamedTuple):
    """An event, and when it was, in seconds of the Unix clock."""

    t: float
    event: Event


def happened_from(
    lab: str,
    seen: Seen,
    hosts: Hosts,
    lost: Iterable[CaptureLost],
    since: float,
    clean: Callable[[str], str],
) -> list[Happened]:
    """All events in order of time. Paths go through `clean`."""
    losses = [*lost, *(loss for ring in seen.rings for loss in losses_of(lab, ring, since))]
    complete = {ring.seen_on for ring in seen.rings} - {loss.host for loss in losses}
    overwritten = {ring.seen_on for ring in seen.rings if ring.overwritten}
    exchanges, differ = joined(seen.exchanges, hosts, complete)
    connections, differing = joined(
        [one for one in seen.connections if not between_kernels(one)], hosts, complete
    )
    found = [Happened(since, loss) for loss in losses]
    for exchange in exchanges:
        found += exchange_events(lab, exchange, hosts, clean)
    for connection in connections:
        if is_shown(connection, overwritten):
            at = connection.silent or connection.t
            found.append(Happened(at, connection_event(lab, connection, hosts, clean)))
    texts = [
        *(exchange_difference(mine, other, clean) for mine, other in differ),
        *(
            connection_difference(mine, other, hosts)
            for mine, other in differing
            if is_shown(mine, overwritten) or (other and is_shown(other, overwritten))
        ),
    ]
    if texts:
        found.append(Happened(since, disagreement(lab, texts)))
    return sorted(found, key=lambda one: one.t)


def losses_of(lab: str, ring: SeenRing, since: float) -> Iterable[CaptureLost]:
    """What a ring says of itself that is missing."""
    if ring.problem:
        yield CaptureLost(lab, ring.seen_on, f"packets could not be read: {ring.problem}")
    if ring.overwritten and (ring.first is None or ring.first > since):
        after = None if ring.first is None else round(ring.first - since, 3)
        kept = "nothing" if after is None else f"nothing of the first {after:g} s"
        yield CaptureLost(
            lab,
            ring.seen_on,
            f"the ring was full: {kept} is kept",
            data={"bytes": ring.bytes, "seconds": after},
        )


def exchange_events(
    lab: str, seen: SeenExchange, hosts: Hosts, clean: Callable[[str], str]
) -> Iterable[Happened]:
    """The exchange, and what its bodies say that somebody believes."""
    source, target = (hosts.name(end, seen.seen_on) for end in (seen.source, seen.target))
    purpose = purpose_of(seen.method, seen.path, hosts.of(source), hosts.of(target))
    seconds = None if seen.seconds is None else round(seen.seconds, 6)
    yield Happened(
        seen.t,
        Exchange(
            lab,
            source,
            target,
            seen.target.port,
            seen.method,
            clean(seen.path),
            seen.status,
            seconds,
            seen.request_bytes,
            seen.response_bytes,
            purpose,
            seen.seen_on,
        ),
    )
    if purpose == "activity":
        user = seen.path.partition("?")[0].split("/")[-2]
        for server, last in seen.activity.items():
            yield Happened(
                seen.t, ActivityBelieved(lab, "server", clean(user), clean(server), last)
            )
    if purpose == "routes" and seen.routes:
        answered = seen.t + (seen.seconds or 0.0)
        table = {
            clean(path): clean(str(route.get("target", ""))) for path, route in seen.routes.items()
        }
        yield Happened(answered, RoutesBelieved(lab, "proxy", table))
        for route in seen.routes.values():
            if owner := route.get("user"):
                name, at = str(route.get("server_name", "")), route.get("last_activity")
                owner, name = clean(str(owner)), clean(name)
                yield Happened(answered, ActivityBelieved(lab, "proxy", owner, name, at))


def is_shown(one: SeenConnection, overwritten: Collection[str] = ()) -> bool:
    """Whether a connection says more than the exchanges that it carried.

    One that was open before the capture, of a protocol that is not known, says nothing of now; on
    hosts whose ring has `overwritten` packets its beginning may be among them.
    """
    broken = one.end == "unanswered" or (one.end == "reset" and one.unanswered > 0)
    began_earlier = not one.opened and one.seen_on not in overwritten
    if began_earlier and one.protocol == "tcp" and not broken:
        return False
    return not one.exchanges or one.protocol == "websocket" or broken


def connection_event(
    lab: str, seen: SeenConnection, hosts: Hosts, clean: Callable[[str], str]
) -> Connection:
    """The event of a connection."""
    source, target = (hosts.name(end, seen.seen_on) for end in (seen.source, seen.target))
    seconds, detail = seen.seconds, clean(seen.detail)
    if seen.silent is not None:
        seconds = None if seconds is None else seen.t + seconds - seen.silent
        detail = " ".join(filter(None, [detail, "silent from then on"]))
    return Connection(
        lab,
        source,
        target,
        seen.target.port,
        seen.protocol,
        None if seconds is None else round(seconds, 6),
        seen.sent,
        seen.received,
        seen.end,
        detail,
        seen.seen_on,
    )


def exchange_difference(
    mine: SeenExchange, other: SeenExchange | None, clean: Callable[[str], str]
) -> str:
    """How the two ends of an exchange differ, in words."""
    what = f"{mine.method} {clean(mine.path)}"
    if other is None:
        return f"{what}: seen on {mine.seen_on} alone"
    return f"{what}: {mine.status} on {mine.seen_on}, {other.status} on {other.seen_on}"


def connection_difference(mine: SeenConnection, other: SeenConnection | None, hosts: Hosts) -> str:
    """How the two ends of a connection differ, in words."""
    source, target = (hosts.name(end, mine.seen_on) for end in (mine.source, mine.target))
    what = f"{source} to {target}:{mine.target.port}"
    if other is None:
        return f"{what}: seen on {mine.seen_on} alone"
    return f"{what}: {mine.end} on {mine.seen_on}, {other.end} on {other.seen_on}"


def disagreement(lab: str, texts: list[str]) -> Note:
    """The note that says on what the ends of hops do not agree."""
    return Note(
        f"the captures of lab {lab} do not agree on {len(texts)} of what passed between two hosts",
        {"differ": texts[:MOST_DISAGREEMENTS]},
    )
