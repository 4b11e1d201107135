"""Requests as hub and single-user servers log them: who asked, and from which address.

Both write `200 GET /path (user@address) 1.23ms` (jupyterhub/log.py and jupyter_server/log.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hublab.probes.node_log import last_server_log
from hublab.probes.observation import observed
from hublab.running.live import LiveLab

LINE = re.compile(
    r"\] (?P<status>\d{3}) (?P<method>[A-Z]+) (?P<path>\S+)(?: -> \S+)? "
    r"\((?P<user>[^@()]*)@(?P<address>[^()]+)\) [\d.]+ms"
)

NEWEST = 20
"""Requests of a log that the journal gets."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request that was answered."""

    status: int
    method: str
    path: str
    user: str
    address: str


def newest(requests: list[LoggedRequest]) -> dict[str, object]:
    """What the journal gets of a log's requests: how many there are, and the last of them."""
    return {"requests": len(requests), "last": requests[-NEWEST:]}


@observed("hub_accesses", newest)
async def hub_accesses(live: LiveLab) -> list[LoggedRequest]:
    """What the hub answered since its last start, in order."""
    return accesses(await live.hub_log())


@observed("server_accesses", newest)
async def server_accesses(live: LiveLab, user: str, host: str) -> list[LoggedRequest]:
    """What the user's newest server on a host answered, in order."""
    return accesses(await last_server_log(live, user, host))


def accesses(log: str) -> list[LoggedRequest]:
    """The requests in a log, whatever else is in it."""
    return [
        LoggedRequest(int(m["status"]), m["method"], m["path"], m["user"], m["address"])
        for m in LINE.finditer(log)
    ]
