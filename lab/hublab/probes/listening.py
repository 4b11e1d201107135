"""Where a host's processes listen, as its kernel says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hublab.probes.observation import observed
from hublab.running.live import LiveLab


@dataclass(frozen=True, slots=True)
class Socket:
    """A TCP socket that accepts connections; `0.0.0.0`, `*` and `[::]` mean every address."""

    address: str
    port: int


@observed("listening")
async def listening(live: LiveLab, host: str) -> list[Socket]:
    """All listening TCP sockets in the network of a host, by address and port."""
    return await asyncio.to_thread(ask, live, host)


def ask(live: LiveLab, host: str) -> list[Socket]:
    done = live.lab.engine.exec(live.lab.sidecar(host), ["ss", "-H", "-l", "-t", "-n"])
    places = [line.split()[3] for line in done.stdout.splitlines() if line.strip()]
    found = {Socket(address, int(port)) for address, _, port in (p.rpartition(":") for p in places)}
    return sorted(found, key=lambda socket: (socket.port, socket.address))
