"""Addresses: the loopback, and free subnets for labs.

A lab's subnet is a /24 of 198.18.0.0/15, which is set aside for tests (RFC 2544).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, ip_network

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = (LOOPBACK, "localhost", "::1")
"""Names under which a host reaches only itself."""
LAB_NETWORK = IPv4Network("198.18.0.0/15")
ENGINE_BRIDGE = IPv4Network("198.18.255.0/24")
"""The default bridge of an engine that hublab starts is here."""


def free_subnets(used: Iterable[str], *, rng: random.Random | None = None) -> Iterator[IPv4Network]:
    """Every /24 that overlaps none of `used`, in order, starting at a random one.

    The random start keeps labs that start at the same moment from trying the same subnet first;
    one that still collides tries the next. `used` are networks in CIDR form; IPv6 is ignored.
    Raises ValueError for text that is not a network.
    """
    networks = [ip_network(text, strict=False) for text in used]
    in_use = [ENGINE_BRIDGE, *(one for one in networks if isinstance(one, IPv4Network))]
    candidates = list(LAB_NETWORK.subnets(new_prefix=24))
    start = (rng or random.Random()).randrange(len(candidates))
    for candidate in candidates[start:] + candidates[:start]:
        if not any(candidate.overlaps(one) for one in in_use):
            yield candidate


def prefix(subnet: IPv4Network | str) -> str:
    """The first three numbers of a /24, as Compose files use them: `198.18.7`."""
    return str(subnet).rpartition(".")[0]
