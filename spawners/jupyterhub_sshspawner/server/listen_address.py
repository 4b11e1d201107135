"""What a server listens on, so that hub and proxy reach it at the address that they are given.

Tornado listens on one family alone for ``0.0.0.0`` and for ``::``, and on both for an empty address
(tornado.netutil, ``bind_sockets``). A wrong one is a server that runs and "didn't respond in 30
seconds" (jupyterhub#4985).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from ..errors import Misconfigured
from ..traits import SSHTraits

EVERYWHERE = {4: "0.0.0.0", 6: "::"}


async def settle_ip(spawner: SSHTraits, address: str) -> None:
    """Set ``ip`` for this start, unless somebody else has; then check it.

    Raises Misconfigured when servers would listen on the one family and be asked on the other.
    """
    if spawner.transport == "tunnel":
        return
    asked = await _families(address, spawner.connect_timeout)
    if not asked:
        return  # a name that the hub does not know: perhaps the proxy does
    if spawner.ip_is_by_default:
        spawner.follow_ip(EVERYWHERE[asked.pop()] if len(asked) == 1 else "")
        return
    listens = _family(spawner.ip)
    if listens and listens not in asked:
        raise Misconfigured(
            f"Spawner.ip is {spawner.ip}: servers would listen on IPv{listens} alone, and hub and "
            f"proxy connect to {address}; leave it unset, or set it to '' for both families"
        )


async def _families(address: str, seconds: float) -> set[int]:
    literal = _family(address)
    if literal:
        return {literal}
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return set()
    return {6 if family == socket.AF_INET6 else 4 for family, *_ in found}


def _family(address: str) -> int:
    """4 or 6; 0 of what is no literal address."""
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return 0
