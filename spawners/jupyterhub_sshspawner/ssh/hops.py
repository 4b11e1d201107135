"""Machines on the way, as they are written down."""

from __future__ import annotations

import re

from ..errors import Misconfigured
from .dialing import Hop

_HOP = re.compile(r"(?:([^@\s]+)@)?(\[[0-9A-Fa-f:.]+\]|[^\s@\[\]:]+)(?::(\d{1,5}))?")


def parse_hop(text: str, setting: str = "SSHSpawner.jump_hosts", port: int = 22) -> Hop:
    """``[user@]host[:port]``; an IPv6 address stands in brackets when a port follows."""
    match = _HOP.fullmatch(text.strip())
    if not match:
        raise Misconfigured(f'{setting}: {text!r} is not "[user@]host[:port]"')
    if match[3]:
        port = int(match[3])
        if not 0 < port < 65536:
            raise Misconfigured(f"{setting}: {text!r} has no possible port: {port}")
    return Hop(match[2].strip("[]"), port, match[1] or "")


def written(hop: Hop) -> str:
    """The same as text, for ``parse_hop``."""
    address = f"[{hop.address}]" if ":" in hop.address else hop.address
    user = f"{hop.username}@" if hop.username else ""
    return f"{user}{address}:{hop.port}"
