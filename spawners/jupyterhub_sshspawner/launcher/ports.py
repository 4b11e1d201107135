"""A free port, kept until the server has it."""

from __future__ import annotations

import errno
import os
import socket

from .instance import Failed
from .listening import listeners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Reservation:
    """A port that is kept, in each family that it is wanted in."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self.port: int = sockets[0].getsockname()[1]

    def close(self) -> None:
        """Give the port up; the server has it."""
        for sock in self._sockets:
            sock.close()


def reserve(ip: str, low: int, high: int) -> Reservation:
    """Bind a free port and keep it. ``low`` 0 means any, and no ``ip`` both families.

    Bound without SO_REUSEADDR the port is free for certain. With the option set afterwards the
    server, which sets it too, can bind beside us as long as nobody listens; the kernel gives the
    port to nobody else, and a bind without the option fails. The second round takes ports that
    closed connections still linger on.
    """
    for reuse in (0, 1):
        for port in _candidates(low, high):
            kept = _kept(ip, port, reuse)
            if kept is None:
                continue
            if not listeners(kept.port):
                return kept
            kept.close()
    where = "between %d and %d" % (low, high) if low else "at all"
    raise Failed("ports", "no free port %s on this node" % where)


def _kept(ip: str, port: int, reuse: int) -> Reservation | None:
    first = _bound(ip or "0.0.0.0", port, reuse)
    if first is None:
        return None
    kept = Reservation([first])
    if not ip and socket.has_ipv6:
        try:
            second = _bound("::", kept.port, reuse)
        except Failed:  # no IPv6 on this node: the server will do without, too
            return kept
        if second is None:
            kept.close()
            return None
        return Reservation([first, second])
    return kept


def _candidates(low: int, high: int) -> list[int]:
    """The range from a random place on, so that starts at the same time do not meet."""
    if not low:
        return [0]
    count = high - low + 1
    first = int.from_bytes(os.urandom(4), "big")
    return [low + (first + i) % count for i in range(count)]


def _bound(ip: str, port: int, reuse: int) -> socket.socket | None:
    """A socket at the port, or None when that is taken; another port would help nothing else."""
    sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as Tornado has it
        sock.bind((ip, port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except (OSError, TypeError, UnicodeError) as error:  # the latter of text that is no name
        sock.close()
        code = getattr(error, "errno", None)
        if code == errno.EADDRINUSE:
            return None
        why = getattr(error, "strerror", None) or str(error)
        if code == errno.EACCES:  # of a port below 1024
            raise Failed("bind", "cannot bind %s port %d: %s" % (ip, port, why)) from error
        raise Failed("bind", "cannot listen on %r, see Spawner.ip: %s" % (ip, why)) from error
    return sock


def check_hub(hub: dict[str, Any]) -> None:
    """Fail when this node cannot open a connection to the hub's API: the server would wait for it
    for most of a minute, and tell nobody but its own log (batchspawner#186, jupyterhub#2678)."""
    try:
        socket.create_connection((hub["host"], hub["port"]), hub["timeout"]).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise Failed(
            "hub-unreachable", "this node cannot reach the hub at %s: %s" % (hub["url"], why)
        ) from error
