"""One record a hop: what both of its ends saw is joined, and where they differ is said.

The source's view is kept, since its times are those that the one who waits has. Where its ring does
not have it, the target's is.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Protocol, TypeVar

from hublab.capture.hosts import Hosts
from hublab.capture.seen import End, SeenConnection

TOGETHER = 1.0
"""Seconds: the two ends see one packet within microseconds; this is for what a cut network makes
of it, where packets are sent again."""
EPHEMERAL = 32768
"""The lowest port that Linux gives out by itself (ip(7), ip_local_port_range)."""


class View(Protocol):
    """What a hop's end saw of it."""

    @property
    def seen_on(self) -> str: ...
    @property
    def t(self) -> float: ...
    @property
    def source(self) -> End: ...
    @property
    def target(self) -> End: ...
    @property
    def key(self) -> Hashable: ...
    @property
    def outcome(self) -> tuple[object, ...]: ...


V = TypeVar("V", bound=View)


def joined(
    views: Iterable[V], hosts: Hosts, complete: Iterable[str]
) -> tuple[list[V], list[tuple[V, V | None]]]:
    """The hops in order of time, and those on which the two ends do not agree.

    `complete` are the hosts whose rings lost nothing: what one of them alone has not seen is a
    disagreement, too. Frames of others that a bridge sent to everybody are left out.
    """
    found: dict[Hashable, list[V]] = defaultdict(list)
    for view in views:
        ends = {hosts.name(end, view.seen_on) for end in (view.source, view.target)}
        if view.seen_on in ends:
            found[view.key].append(view)
    kept: list[V] = []
    differ: list[tuple[V, V | None]] = []
    whole = set(complete)
    for group in found.values():
        for mine, other in pairs(group, hosts):
            kept.append(mine)
            ends = {hosts.name(end, mine.seen_on) for end in (mine.source, mine.target)}
            expected = ends & whole - {mine.seen_on}
            if other is None and expected:
                differ.append((mine, None))
            elif other is not None and mine.outcome != other.outcome:
                differ.append((mine, other))
    return sorted(kept, key=lambda view: view.t), differ


def pairs(group: Sequence[V], hosts: Hosts) -> Iterable[tuple[V, V | None]]:
    """The views of one kind of hop, each with that of the other end if there is one."""
    at_source = [one for one in group if hosts.name(one.source, one.seen_on) == one.seen_on]
    others = [one for one in group if one not in at_source]
    for one in sorted(at_source, key=lambda view: view.t):
        near = [other for other in others if abs(other.t - one.t) <= TOGETHER]
        match = min(near, key=lambda other: abs(other.t - one.t), default=None)
        if match is not None:
            others.remove(match)
        yield one, match
    for other in others:
        yield other, None


def between_kernels(one: SeenConnection) -> bool:
    """Whether this is ZeroMQ between a server and its kernels, which says nothing of a hop.

    It is on the loopback, on a port that the kernel of its host gave out, and no protocol that is
    known here.
    """
    return (
        one.protocol == "tcp"
        and not one.exchanges
        and one.target.port >= EPHEMERAL
        and ipaddress.ip_address(one.target.address).is_loopback
    )
