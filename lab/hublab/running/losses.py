"""What the end of a program or a host cost the lab: seen before and after, never supposed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from hublab.errors import HublabError
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.proxy_address import api_port
from hublab.running.proxy_api import ProxyAPI
from hublab.running.servers import Server


@dataclass(frozen=True, slots=True)
class Standing:
    """What a lab had at one moment; None for what could not be asked."""

    routes: frozenset[str] | None
    """Paths in the proxy's table."""
    servers: tuple[Server, ...] | None
    """Servers that the hub knew, and those that were starting."""
    alive: frozenset[str] | None
    """The labels of those servers whose process there is on its node."""
    sidecars: frozenset[str] = frozenset()
    """Hosts whose network hublab has changed, or asked about."""


async def standing(lab: Lab, before: Standing | None = None) -> Standing:
    """What the lab has now; with `before`, what is left of the servers that there were then."""
    if before is None:
        try:
            async with connect(lab) as live:
                servers: tuple[Server, ...] | None = tuple(await live.servers())
        except HublabError:
            servers = None
    else:
        servers = before.servers
    return await asyncio.to_thread(look, lab, servers)


def look(lab: Lab, servers: tuple[Server, ...] | None) -> Standing:
    """The part of it that is seen on the hosts themselves, blocking."""
    alive = None
    if servers is not None:
        alive = frozenset(server.label for server in servers if is_alive(lab, server))
    sidecars = {one.sidecar_of for one in lab.engine.containers(lab.name) if one.sidecar_of}
    return Standing(routes_of(lab), servers, alive, frozenset(sidecars))


def routes_of(lab: Lab) -> frozenset[str] | None:
    """The paths in the proxy's table, asked on its own host."""
    try:
        proxy = lab.one("proxy").service
        return frozenset(ProxyAPI(lab, proxy, api_port(lab.settings())).table())
    except (HublabError, ValueError):
        return None


def is_alive(lab: Lab, server: Server) -> bool:
    """Whether the process that the spawner started is still on its node."""
    if server.host not in lab.hosts or not server.pid:
        return False
    try:
        return lab.run(server.host, "test", "-d", f"/proc/{server.pid}").exit_code == 0
    except HublabError:  # the node itself is down
        return False


@dataclass(frozen=True, slots=True)
class Losses:
    """What was there before and is not any more."""

    routes: tuple[str, ...] | None
    """Of the proxy's table; None where it was not known before."""
    servers: tuple[str, ...] | None
    starts: tuple[str, ...]
    """Servers that were starting when the hub ended."""
    network: bool
    """Whether the host's network namespace went, and with it what faults had set there."""

    def in_words(self, name_option: str = "") -> Iterator[str]:
        """One line for each kind of loss, one alone where nothing was lost."""
        if self.servers is None:
            yield "servers: unknown, for the hub did not answer before"
        elif self.servers:
            yield f"lost the servers {', '.join(self.servers)}, with their kernels"
        if self.routes is None:
            yield "routes: unknown, for the proxy's API did not answer before"
        elif self.routes:
            yield f"lost {len(self.routes)} of the proxy's routes: {', '.join(self.routes)}"
            if "/" in self.routes:  # the hub itself took out the others alone
                yield f"  `hublab routes --check{name_option}` has the hub add them again"
        if self.starts:
            yield f"lost the starts under way of {', '.join(self.starts)}"
        if self.network:
            yield "lost the host's network namespace, and the faults that were in it"
        if not (self.servers or self.routes or self.starts or self.network):
            yield "no server and no route is known to be lost"


def losses(before: Standing, after: Standing, host: str, *, hub: bool, container: bool) -> Losses:
    """Compare; `hub` says that the hub's own program ended, `container` that the whole host did."""
    routes = servers = None
    if before.routes is not None:
        routes = tuple(sorted(before.routes - (after.routes or frozenset())))
    if before.alive is not None:
        servers = tuple(sorted(before.alive - (after.alive or frozenset())))
    starting = [one.label for one in before.servers or () if not one.ready]
    starts = tuple(sorted(starting)) if hub else ()
    return Losses(routes, servers, starts, container and host in before.sidecars)
