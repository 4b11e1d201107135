"""Which hops a deployment has, by what it says of itself: from which host to which address.

A hop is planned at the address that the running process really uses. Sources: JupyterHub's
documentation, "Configuring the networking of JupyterHub"; configurable-http-proxy's README;
jupyterhub/spawner.py, `get_env`.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from yarl import URL

from hublab.probes.routes import Route
from hublab.probes.snapshot import Snapshot
from hublab.running.lab import PROXY_PORT
from hublab.running.nginx_site import Site, offered_at
from hublab.running.proxy_address import ROUTES, api_port, routes_url
from hublab.running.servers import Server, server_label
from hublab.settings.values import Settings

HEALTH = "/_chp_healthz"
"""Which configurable-http-proxy answers itself (lib/configproxy.js, `handleHealthCheck`)."""
SSH_HOSTS = "hub.SSHSpawner.hosts"
DATABASE_URL = "hub.JupyterHub.db_url"
OWN_HUB_URLS = ("hub.SSHSpawner.hub_connect_url", "hub.Spawner.hub_connect_url")
"""What a spawner gives its servers in place of the hub's own address, the first one that is set."""


class Kind(StrEnum):
    """What a hop is for."""

    FRONT = "requests of users to the reverse proxy in front"
    UPSTREAM = "the reverse proxy passes requests on to the proxy"
    PROXY = "requests of users to the proxy"
    PROXY_API = "the hub changes the proxy's routes"
    PROXY_TABLE = "the proxy's table, read on the proxy's host"
    SSH = "the hub's way to a node"
    JUMP = "the hub's way to a host behind which a node is"
    HUB_ROUTE = "the proxy passes requests on to the hub"
    SERVER_ROUTE = "the proxy passes requests on to a server"
    SERVICE_ROUTE = "the proxy passes requests on to a service"
    NO_ROUTE = "the proxy has no route there"
    SERVER = "the hub checks a server"
    HUB_API = "a server asks the hub"
    NEW_HUB_API = "a new server would ask the hub"
    DATABASE = "the hub asks its database"
    SIGN_IN_PAGE = "browsers are sent to the identity provider"
    PROVIDER = "the hub asks the identity provider"


NEVER_TRIED = (Kind.PROXY_TABLE, Kind.NO_ROUTE)
"""Known to be broken from the snapshot: the table was asked for, or has no such entry."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One way from a host to an address."""

    kind: Kind
    source: str
    target: str
    url: str | None
    """None where nobody advertises an address."""

    @property
    def can_be_tried(self) -> bool:
        return self.url is not None and self.kind not in NEVER_TRIED


def planned_hops(snapshot: Snapshot) -> list[Hop]:
    """All hops of a deployment, in the order of a user's request; pure."""
    readable = snapshot.routes_error is None
    return [
        *hops_to_proxy(snapshot),
        *database_hop(snapshot),
        *provider_hops(snapshot),
        *ssh_hops(snapshot),
        *(hub_route_hops(snapshot) if readable else table_hop(snapshot)),
        *hops_of_servers(snapshot),
        *(server_route_hops(snapshot) if readable else ()),
        *service_route_hops(snapshot),
        *hops_of_new_servers(snapshot),
    ]


def hops_to_proxy(snapshot: Snapshot) -> Iterator[Hop]:
    """From the client to the proxy's public port, and from the hub to the proxy's API.

    Where a reverse proxy stands in front, users' requests take the way through that.
    """
    hosts, api = snapshot.hosts, snapshot.hub.proxy_api
    # The proxy answers this path itself, so a hub behind it that is down is not blamed on it.
    health = f"http://{hosts.proxy}:{PROXY_PORT}{HEALTH}"
    if hosts.front:
        site = snapshot.front.site
        for offered in offered_at(hosts.front, site or Site(), HEALTH):
            yield Hop(Kind.FRONT, hosts.client, hosts.front, offered)
        for upstream in (site.upstreams or (None,)) if site else ():
            url = upstream and f"{upstream}{HEALTH}"
            yield Hop(Kind.UPSTREAM, hosts.front, hosts.proxy, url)
    else:
        yield Hop(Kind.PROXY, hosts.client, hosts.proxy, health)
    if api or snapshot.hub.why_silent:
        url = f"{api}{ROUTES}" if api else None
        yield Hop(Kind.PROXY_API, hosts.hub, f"{hosts.proxy} API", url)


def database_hop(snapshot: Snapshot) -> Iterator[Hop]:
    """To a database in the lab: the hub's own by default, or the one that a setting names.

    Without it the hub says nothing, so it comes before what the hub is asked for.
    """
    default = next(iter(snapshot.hosts.databases), "")
    given = str(snapshot.settings.get(DATABASE_URL) or f"//{default}")
    with contextlib.suppress(ValueError):  # the hub refuses it, or reads it otherwise
        url = URL(given)
        name, port = url.host or "", url.explicit_port
        if target := snapshot.hosts.databases.get(name):
            # Without the account and the password that the setting has.
            address = f"postgresql://{name}{f':{port}' if port else ''}"
            yield Hop(Kind.DATABASE, snapshot.hosts.hub, target, address)


def provider_hops(snapshot: Snapshot) -> Iterator[Hop]:
    """To an identity provider in the lab, from where each of its addresses is used.

    A provider elsewhere is left alone: nobody asked hublab to send it requests.
    """
    hosts = snapshot.hosts
    for setting, url in snapshot.hub.provider.items():
        page = setting.endswith(".authorize_url")
        target = hosts.providers.get(URL(url).host or "")
        if target:
            kind, source = (Kind.SIGN_IN_PAGE, hosts.client) if page else (Kind.PROVIDER, hosts.hub)
            yield Hop(kind, source, f"{target} {setting.rpartition('.')[2]}", url)


def ssh_hops(snapshot: Snapshot) -> Iterator[Hop]:
    """On the ways from the hub to the nodes, each once."""
    ports = ssh_ports(snapshot.settings)
    ways: dict[tuple[str, str], None] = {}
    for node in snapshot.hosts.nodes:
        stations = [snapshot.hosts.hub, *snapshot.hub.bastions.get(node, []), node]
        ways.update(dict.fromkeys(itertools.pairwise(stations)))
    for source, target in ways:
        port = ports.get(target)
        url = f"ssh://{target}{f':{port}' if port else ''}"
        kind = Kind.SSH if target in snapshot.hosts.nodes else Kind.JUMP
        yield Hop(kind, source, f"{target} SSH", url)


def ssh_ports(settings: Settings) -> dict[str, int]:
    """The ports at which the hub looks for sshd, where a setting says so, by the node's name."""
    hosts = settings.get(SSH_HOSTS)
    if isinstance(hosts, str):
        with contextlib.suppress(ValueError, SyntaxError):
            hosts = ast.literal_eval(hosts)  # as traitlets reads a list
    named = [one for one in hosts if isinstance(one, dict)] if isinstance(hosts, list) else []
    return {str(one["name"]): int(one["port"]) for one in named if {"name", "port"} <= set(one)}


def table_hop(snapshot: Snapshot) -> Iterator[Hop]:
    """The proxy's table, which could not be read on the proxy's own host."""
    proxy = snapshot.hosts.proxy
    url = routes_url("127.0.0.1", api_port(snapshot.settings))
    yield Hop(Kind.PROXY_TABLE, proxy, f"{proxy} API", url)


def hub_route_hops(snapshot: Snapshot) -> Iterator[Hop]:
    """From the proxy to the hub, at the address that the proxy's own table has for the hub."""
    proxy, hub = snapshot.hosts.proxy, snapshot.hosts.hub
    prefix = URL(snapshot.hub.listens).path if snapshot.hub.listens else "/hub/"
    targets = [route.target for route in snapshot.routes if route.data.get("hub")]
    for target in targets:
        yield Hop(Kind.HUB_ROUTE, proxy, hub, f"{target}{prefix}api")
    if not targets:
        connect = snapshot.hub.connect
        yield Hop(Kind.NO_ROUTE, proxy, hub, str(URL(connect) / "api") if connect else None)


def hops_of_servers(snapshot: Snapshot) -> Iterator[Hop]:
    """Between the hub and each server that runs, both ways."""
    hub = snapshot.hosts.hub
    for server in snapshot.running:
        place = f"{server.label} on {server.host}"
        yield Hop(Kind.SERVER, hub, place, server_url(snapshot, server))
        if (url := snapshot.api_urls.get(server.label)) and server.host:
            yield Hop(Kind.HUB_API, server.host, f"{hub} API, for {place}", url)


def server_url(snapshot: Snapshot, server: Server) -> str | None:
    """The API of a server at its own address, None where its spawner does not say that."""
    place = server.tunnel or (server.address and f"{server.address}:{server.port}")
    return f"http://{place}{snapshot.hub.base_path}{server.path}api" if place else None


def server_route_hops(snapshot: Snapshot) -> Iterator[Hop]:
    """From the proxy to each server in its table, and to those that are ready but not there."""
    proxy = snapshot.hosts.proxy
    for route in snapshot.routes:
        if route.user:
            url = f"{route.target}{path_of(snapshot, route).rstrip('/')}/api"
            target = f"{server_label(route.user, route.server)}'s server"
            yield Hop(Kind.SERVER_ROUTE, proxy, target, url)
    routed = {(route.user, route.server or "") for route in snapshot.routes}
    for server in snapshot.servers:
        if server.ready and (server.user, server.name) not in routed:
            url_of_it = server_url(snapshot, server)
            yield Hop(Kind.NO_ROUTE, proxy, f"{server.label}'s server", url_of_it)


def path_of(snapshot: Snapshot, route: Route) -> str:
    """The path of a route, without the host that stands before it with `subdomain_host`.

    The proxy's table has both as one path, `/alice.hub.example.org/user/alice`
    (jupyterhub/proxy.py, `_routespec_to_chp_path`).
    """
    begin = snapshot.hub.base_path + ("user/" if route.user else "services/")
    return route.spec[max(route.spec.find(begin), 0) :]


def service_route_hops(snapshot: Snapshot) -> Iterator[Hop]:
    """From the proxy to each service in its table, at the address that the hub put there."""
    for route in snapshot.routes:
        if name := route.data.get("service"):
            url = f"{route.target.rstrip('/')}{path_of(snapshot, route)}"
            yield Hop(Kind.SERVICE_ROUTE, snapshot.hosts.proxy, f"service {name}", url)


def hops_of_new_servers(snapshot: Snapshot) -> Iterable[Hop]:
    """From nodes without a server, to where one would look for the hub.

    A spawn that failed leaves no server, and its node is the one of interest. With a tunnel for
    each server there is no way before there is a server.
    """
    if snapshot.hub.reverse_tunnel:
        return
    busy = {server.host for server in snapshot.running}
    connect = snapshot.hub.connect
    url = new_server_api(snapshot.settings, connect) if connect else None
    target = f"{snapshot.hosts.hub} API, for a new server"
    for node in snapshot.hosts.nodes:
        if node not in busy:
            yield Hop(Kind.NEW_HUB_API, node, target, url)


def new_server_api(settings: Settings, connect: str) -> str:
    """The hub's API as a new server gets it (jupyterhub/spawner.py, `get_env`)."""
    own = next((settings[key] for key in OWN_HUB_URLS if settings.get(key)), None)
    api = str(URL(connect) / "api")
    return f"{str(own).rstrip('/')}{URL(api).path}" if own else api
