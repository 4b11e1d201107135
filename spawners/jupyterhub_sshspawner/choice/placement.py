"""Which host a server goes to.

The board is what all spawners of one hub process know together: who sits where, whose turn it is,
which host did not answer a moment ago. Spawners enter what they restore from the database, so it
is right again after a restart of the hub.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import HostRefused, NoCapacity
from .hosts import Host

POLICIES = ("round-robin", "least-loaded", "random", "first", "user-choice")


@dataclass
class Board:
    """Seats, turns and cool-downs."""

    clock: Callable[[], float] = time.monotonic
    _seats: dict[object, str] = field(default_factory=dict)
    _turn: int = 0
    _cooling: dict[str, float] = field(default_factory=dict)

    def sit(self, who: object, host: str) -> None:
        """Somebody has a server on the host, or is about to."""
        self._seats[who] = host

    def leave(self, who: object) -> None:
        """Their server is gone."""
        self._seats.pop(who, None)

    def load(self, host: str, besides: object = None) -> int:
        """How many sit on the host."""
        return sum(h == host and who != besides for who, h in self._seats.items())

    def cool(self, host: str, seconds: float) -> None:
        """The host did not answer: prefer others for a while."""
        self._cooling[host] = self.clock() + seconds

    def is_cooling(self, host: str) -> bool:
        """Whether the host is to be avoided for now."""
        return self._cooling.get(host, 0.0) > self.clock()

    def next_turn(self) -> int:
        """A number that goes up by one each time."""
        self._turn += 1
        return self._turn - 1


def candidates(
    hosts: dict[str, Host],
    policy: str,
    board: Board,
    who: object,
    chosen: str | None = None,
    limit: int = 0,
) -> list[Host]:
    """Hosts to try, best first. A host the user named is the only one; full hosts are left out."""
    if chosen is not None:
        return [_with_room([hosts[chosen]], board, who, limit)[0]]
    free = _with_room(list(hosts.values()), board, who, limit)
    ordered = _ordered(free, policy, board, who)
    return sorted(ordered, key=lambda host: board.is_cooling(host.name))


def has_room(host: Host, board: Board, who: object, limit: int) -> bool:
    """Whether one more fits."""
    most = host.max_servers or limit
    return not most or board.load(host.name, besides=who) < most


def _with_room(hosts: Sequence[Host], board: Board, who: object, limit: int) -> list[Host]:
    free = [host for host in hosts if has_room(host, board, who, limit)]
    if not free:
        raise NoCapacity(f"no room on {', '.join(host.name for host in hosts)}")
    return free


def _ordered(hosts: list[Host], policy: str, board: Board, who: object) -> list[Host]:
    if policy == "random":
        return random.sample(hosts, len(hosts))
    if policy == "least-loaded":
        return sorted(hosts, key=lambda host: board.load(host.name, besides=who))
    if policy == "first":
        return hosts
    turn = board.next_turn() % len(hosts)
    return hosts[turn:] + hosts[:turn]


def chosen_host(user_options: Any, hosts: dict[str, Host]) -> str | None:
    """The host named in ``user_options``, which come raw from the REST API, or None.

    Refused with 400 unless it is exactly the name of an allowed host: the value is only ever
    compared, never used to connect.
    """
    if not isinstance(user_options, dict):
        raise HostRefused("user_options must be an object")
    name = user_options.get("host")
    if isinstance(name, list) and len(name) == 1:  # as an HTML form sends it
        name = name[0]
    if name is None or name == "":
        return None
    if not isinstance(name, str) or name not in hosts:
        raise HostRefused("this host is not available; choose one of: " + ", ".join(hosts))
    return name
