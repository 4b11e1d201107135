"""What a deployment says of itself at one moment: the basis of which hops `reach` tries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from hublab.errors import HublabError
from hublab.paths import ETC
from hublab.probes.advertised import HubAddresses, advertised_by_hub, api_url_of_server
from hublab.probes.observation import observed
from hublab.probes.routes import Route, proxy_routes
from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.live import LiveLab
from hublab.running.nginx_site import Site, site_of
from hublab.running.reverse_proxy import SITE
from hublab.running.servers import Server
from hublab.settings.values import Settings

PATIENCE = 9.0
"""Seconds for the hub to list its servers. It waits for its database without end, and whoever asks
it with it; each hop gets as many in two tries (`hublab.probes.reach`)."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names of the lab's hosts, by their part in the deployment."""

    client: str
    proxy: str
    hub: str
    nodes: tuple[str, ...]
    proxy_addresses: tuple[str, ...] = ()
    """All addresses of the proxy's host."""
    front: str | None = None
    """The reverse proxy in front; None where users' requests go to the proxy itself."""
    providers: Mapping[str, str] = field(default_factory=dict)
    """Name or address of an identity provider's host -> its name."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """The same of the database's host."""


@dataclass(frozen=True, slots=True)
class Front:
    """The reverse proxy in front, as it was started last."""

    site: Site | None = None
    """None for other software than the lab's nginx."""
    ended: bool = False
    """Whether its program has ended by itself, or was killed."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What hub, proxy and servers say now, and the settings that they were given."""

    hosts: Hosts
    settings: Settings
    hub: HubAddresses
    servers: tuple[Server, ...] = ()
    """Those that the hub knows; none where it does not answer."""
    api_urls: Mapping[str, str] = field(default_factory=dict)
    """Label of a running server -> the address of the hub's API with which it was started."""
    routes: tuple[Route, ...] = ()
    """The proxy's table."""
    routes_error: str | None = None
    """Why the proxy's table could not be read; None: it was."""
    front: Front = Front()
    name_option: str = ""
    """What a command that is to find this lab needs behind it."""

    @property
    def running(self) -> list[Server]:
        """The servers whose place and process their spawner knows."""
        return [server for server in self.servers if server.host and server.pid]


def recorded(snapshot: Snapshot) -> dict[str, object]:
    """What the journal gets: its settings stand there already, with the case."""
    return {
        "hub": snapshot.hub,
        "servers": [(one.label, one.host, one.address, one.port) for one in snapshot.servers],
        "api_urls": snapshot.api_urls,
        "routes": {route.spec: route.target for route in snapshot.routes},
        "routes_error": snapshot.routes_error,
        **({"front": snapshot.front} if snapshot.hosts.front else {}),
    }


@observed("snapshot", recorded)
async def take_snapshot(live: LiveLab) -> Snapshot:
    """Ask hub, proxy and servers; that one of them does not answer is part of the snapshot."""
    settings, hub, (servers, routes), front = await asyncio.gather(
        asyncio.to_thread(live.lab.settings),
        advertised_by_hub(live),
        servers_then_routes(live),
        asyncio.to_thread(front_of, live.lab),
    )
    running = [server for server in servers if server.host and server.pid]
    api_urls = await asyncio.gather(*(api_url_of_server(live, server) for server in running))
    return Snapshot(
        hosts=hosts_of(live.lab),
        settings=settings,
        hub=hub,
        servers=tuple(servers),
        api_urls={s.label: url for s, url in zip(running, api_urls, strict=True) if url},
        routes=() if isinstance(routes, HublabError) else tuple(routes),
        routes_error=routes.message if isinstance(routes, HublabError) else None,
        front=front,
        name_option=live.lab.name_option,
    )


def hosts_of(lab: Lab) -> Hosts:
    """The hosts of a lab, by role."""
    proxy = lab.one("proxy")
    fronts = lab.of_role("reverse-proxy")
    return Hosts(
        client=lab.one("client").service,
        proxy=proxy.service,
        hub=lab.one("hub").service,
        nodes=tuple(node.service for node in lab.of_role("node")),
        proxy_addresses=tuple(proxy.addresses),
        front=fronts[0].service if fronts else None,
        providers=named_hosts(lab, "identity-provider"),
        databases=named_hosts(lab, "database"),
    )


def named_hosts(lab: Lab, role: str) -> dict[str, str]:
    """Each name and address of the hosts with a role -> the host's name."""
    hosts = lab.of_role(role)
    return {name: host.service for host in hosts for name in (host.service, *host.addresses)}


def front_of(lab: Lab) -> Front:
    """The reverse proxy in front, if there is one and its container can be asked."""
    fronts = lab.of_role("reverse-proxy")
    if not fronts:
        return Front()
    site, ended = None, False
    with contextlib.suppress(HublabError):
        text = lab.engine.read_file(fronts[0].id, f"{ETC}/{SITE}")
        site = site_of(text.decode(errors="replace")) if text else None
        ended = programs.status(lab, fronts[0].service).ended
    return Front(site, ended)


async def servers_then_routes(live: LiveLab) -> tuple[list[Server], list[Route] | HublabError]:
    """In this order, for a server gets its route before it is ready."""
    servers = await known_servers(live)
    return servers, await known_routes(live)


async def known_servers(live: LiveLab) -> list[Server]:
    """The hub's servers, none where it cannot be asked: the hops will show why."""
    with contextlib.suppress(HublabError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            return await live.servers()
    return []


async def known_routes(live: LiveLab) -> list[Route] | HublabError:
    """The proxy's table, or why it could not be read."""
    try:
        return await proxy_routes(live)
    except HublabError as error:
        return error
