"""Addresses: this machine's loopback, and free subnets for labs.

A lab's subnet is a /24 of 198.18.0.0/15, which is set aside for tests (RFC 2544).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, ip_network

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = (LOOPBACK, "localhost", "::1")
"""By these names a host reaches itself alone."""
LAB_NETWORK = IPv4Network("198.18.0.0/15")
ENGINE_BRIDGE = IPv4Network("198.18.255.0/24")
"""The default bridge of an engine that hublab starts is here."""


def free_subnets(used: Iterable[str], *, rng: random.Random | None = None) -> Iterator[IPv4Network]:
    """Every /24 that overlaps none of `used`, in turn from a random one.

    The random start keeps labs that begin at one moment from trying the same subnet first;
    whoever loses that race takes the next. `used` are networks in CIDR form; IPv6 is ignored.
    Raises ValueError for text that is no network.
    """
    networks = [ip_network(text, strict=False) for text in used]
    in_use = [ENGINE_BRIDGE, *(one for one in networks if isinstance(one, IPv4Network))]
    candidates = list(LAB_NETWORK.subnets(new_prefix=24))
    start = (rng or random.Random()).randrange(len(candidates))
    for candidate in candidates[start:] + candidates[:start]:
        if not any(candidate.overlaps(one) for one in in_use):
            yield candidate


def prefix(subnet: IPv4Network) -> str:
    """The first three numbers of a /24, as Compose files take them: `198.18.7`."""
    return str(subnet.network_address).rpartition(".")[0]
