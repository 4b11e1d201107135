"""Every hop of the deployment, tried from inside the host that makes it.

Each hop is tried at the address that the running process really has, and names the setting
that governs that address. Sources: JupyterHub's documentation, "Configuring the networking
of JupyterHub"; configurable-http-proxy's README; jupyterhub/spawner.py, `get_env`.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from yarl import URL

from hublab.errors import HublabError
from hublab.probes.routes import Route, proxy_routes
from hublab.probes.told import HubTold, hub_told, listens_on_loopback_only, server_told
from hublab.running.hub_address import BASE_URL
from hublab.running.lab import PROXY_PORT
from hublab.running.live import LiveLab
from hublab.running.servers import Server, server_label
from hublab.settings.values import Settings

PATIENCE = 3.0
"""Seconds for each hop. On one network a refusal comes at once: silence so long is an answer."""
LONGER = 6.0
"""Seconds for a hop that was silent: a host that is busy needs more, a silent one stays so."""
SILENT = "no answer within"
"""How the sidecar's `reach.py` begins what it says of silence."""

HUB_ADDRESS = ("hub.JupyterHub.hub_connect_url", "hub.JupyterHub.hub_connect_ip")
TOLD_SERVERS = ("hub.SSHSpawner.hub_connect_url", "hub.Spawner.hub_connect_url", *HUB_ADDRESS)
HUB_BIND = ("hub.JupyterHub.hub_bind_url", "hub.JupyterHub.hub_ip")
PROXY_BIND = ("proxy.port", "proxy.ip")
PROXY_API_BIND = ("proxy.api-port", "proxy.api-ip")
PROXY_API = ("hub.ConfigurableHTTPProxy.api_url",)
CHECKS = "hub.JupyterHub.last_activity_interval"
"""How often the hub checks its routes, though its name does not say so: jupyterhub/app.py,
`update_last_activity`. 300 s by default, never with 0."""
NODES = "hub.SSHSpawner.hosts"
SSHD_BIND = ("sshd.port", "sshd.listenaddress")
"""In small letters, for sshd's keywords are of any."""
SERVER_BIND = ("hub.SSHSpawner.ip", "hub.Spawner.ip")
UNTOLD = "unknown"
"""The address of a hop that cannot be tried, for nobody has told it."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One way from a host to an address, before and after it was tried."""

    source: str
    target: str
    url: str
    setting: str
    good: int = 200
    """The HTTP status of an answer from whom it should be."""
    ok: bool = False
    layer: str | None = None
    address: str | None = None
    status: int | str | None = None
    seconds: float = 0.0
    error: str | None = None
    """Why it is broken; said before it was tried where it cannot be."""
    silence: str | None = None
    """Why nobody may answer there."""
    workaround: str | None = None
    """What mends it at once, where that is known."""


async def reach(live: LiveLab) -> list[Hop]:
    """Try every hop there is now. Hosts are tried at the same time, and so are a host's hops."""
    settings, told, (servers, routes) = await asyncio.gather(
        asyncio.to_thread(live.lab.settings), hub_told(live), servers_then_routes(live)
    )
    running = [server for server in servers if server.host and server.pid]
    api_urls = await asyncio.gather(*(server_told(live, server) for server in running))
    to_hub: Iterable[Hop]
    to_servers: Iterable[Hop]
    if isinstance(routes, HublabError):
        to_hub, to_servers = [table_hop(live, settings, routes)], []
    else:
        to_hub = hub_route_hops(live, settings, told, routes)
        to_servers = user_route_hops(live, settings, told, routes, servers)
    hops = [
        *fixed_hops(live, settings, told),
        *to_hub,
        *server_hops(live, settings, told, list(zip(running, api_urls, strict=True))),
        *to_servers,
        *silent_nodes(live, settings, told, running),
    ]
    return await try_all(live, hops)


async def servers_then_routes(live: LiveLab) -> tuple[list[Server], list[Route] | HublabError]:
    """In this order, for a server gets its route before it is ready."""
    servers = await known_servers(live)
    return servers, await known_routes(live)


async def known_servers(live: LiveLab) -> list[Server]:
    """The hub's servers, none where it cannot be asked: the hops will show why."""
    try:
        return await live.servers()
    except HublabError:
        return []


async def known_routes(live: LiveLab) -> list[Route] | HublabError:
    """The proxy's table, or why it could not be read."""
    try:
        return await proxy_routes(live)
    except HublabError as error:
        return error


def fixed_hops(live: LiveLab, settings: Settings, told: HubTold) -> Iterable[Hop]:
    """The hops that every deployment has."""
    client, proxy, hub = (live.lab.one(role).service for role in ("client", "proxy", "hub"))
    # The proxy answers this path itself, so a hub behind it that is down is not blamed on it.
    health = f"http://{proxy}:{PROXY_PORT}/_chp_healthz"
    yield Hop(client, proxy, health, binding(PROXY_BIND, settings))
    if told.proxy_api or told.silence:
        yield Hop(
            hub,
            f"{proxy} API",
            f"{told.proxy_api}/api/routes" if told.proxy_api else UNTOLD,
            governing(PROXY_API, settings),
            good=403,  # no token is shown, so being refused is what a proxy's API answers
            error=None if told.proxy_api else told.silence,
        )
    ports = ssh_ports(settings)
    for source, target in ssh_ways(live, told):
        port = ports.get(target)
        url = f"ssh://{target}{f':{port}' if port else ''}"
        yield Hop(source, f"{target} SSH", url, ssh_setting(live, settings, target))


def ssh_setting(live: LiveLab, settings: Settings, target: str) -> str:
    """Who is to blame for a host's SSH: where a node's own sshd listens, else what the hub knows.

    `sshd` settings are the nodes' alone: a bastion has none of them.
    """
    if target not in [node.service for node in live.lab.of_role("node")]:
        return NODES
    return binding(SSHD_BIND, settings, NODES)


def ssh_ports(settings: Settings) -> dict[str, int]:
    """The ports at which the hub looks for sshd, where a setting says so, by the node's name."""
    hosts = settings.get(NODES)
    if isinstance(hosts, str):
        with contextlib.suppress(ValueError, SyntaxError):
            hosts = ast.literal_eval(hosts)  # as traitlets reads a list
    named = [one for one in hosts if isinstance(one, dict)] if isinstance(hosts, list) else []
    return {str(one["name"]): int(one["port"]) for one in named if {"name", "port"} <= set(one)}


def ssh_ways(live: LiveLab, told: HubTold) -> list[tuple[str, str]]:
    """From where to where SSH goes on the ways from the hub to the nodes, each once."""
    hub = live.lab.one("hub").service
    ways: dict[tuple[str, str], None] = {}
    for node in live.lab.of_role("node"):
        stations = [hub, *told.bastions.get(node.service, []), node.service]
        ways.update(dict.fromkeys(itertools.pairwise(stations)))
    return list(ways)


def table_hop(live: LiveLab, settings: Settings, error: HublabError) -> Hop:
    """The proxy's table cannot be read on the proxy's own host."""
    proxy = live.lab.one("proxy").service
    url = f"http://127.0.0.1:{settings.get('proxy.api-port', 8001)}/api/routes"
    return Hop(proxy, f"{proxy} API", url, binding(PROXY_API_BIND, settings), error=error.message)


def hub_route_hops(
    live: LiveLab, settings: Settings, told: HubTold, routes: list[Route]
) -> Iterable[Hop]:
    """From the proxy to the hub, where its own table says that the hub is."""
    prefix = URL(told.listens).path if told.listens else "/hub/"
    proxy, hub = (live.lab.one(role).service for role in ("proxy", "hub"))
    targets = [route.target for route in routes if route.data.get("hub")]
    for target in targets:
        setting = hub_setting(HUB_ADDRESS, settings, told, target)
        yield Hop(proxy, hub, f"{target}{prefix}api", setting, silence=told.silence)
    if not targets:
        url = str(URL(told.connect) / "api") if told.connect else UNTOLD
        yield unrouted(live, settings, told, hub, url)


def unrouted(live: LiveLab, settings: Settings, told: HubTold, target: str, url: str) -> Hop:
    """From the proxy to what its table holds no way to.

    The hub gives routes when it starts, when a server gets ready, and at each of its checks
    (jupyterhub/proxy.py, `check_routes`; app.py, `start`). It says that it runs only after the
    first, and a server whose route cannot be made is stopped: so what this proxy lacks it had, and
    has again after the next check. Not so where the hub asks another proxy than this one.
    """
    proxy = live.lab.one("proxy").service
    what = "the hub" if target == live.lab.one("hub").service else target
    error, workaround = f"the proxy has no route to {what}", None
    setting = f"{CHECKS} or {governing(PROXY_API, settings)}"
    if told.silence:
        error, setting = f"{error}; {told.silence}", governing(PROXY_API, settings)
    elif not told.running:
        error = f"{error}; the hub has not said yet that it runs"
    elif asks_the_labs_proxy(live, settings, told):
        error, setting = f"the proxy has lost its route to {what}", CHECKS
        check = f"`hublab routes --check{live.lab.name_option}`"
        workaround = f"{check} has the hub give its routes again now, not at its next check only"
    return Hop(proxy, target, url, setting, error=error, workaround=workaround)


def asks_the_labs_proxy(live: LiveLab, settings: Settings, told: HubTold) -> bool:
    """Whether the hub surely gives its routes to the lab's own proxy: by its name or address."""
    proxy, hub = live.lab.one("proxy"), live.lab.one("hub")
    names = {proxy.service, *proxy.addresses}
    if proxy.service == hub.service:
        names |= {"127.0.0.1", "localhost", "::1"}
    with contextlib.suppress(ValueError):  # of an address that is none
        api, port = URL(told.proxy_api or ""), int(str(settings.get("proxy.api-port", 8001)))
        return (api.host, api.port) in {(name, port) for name in names}
    return False


def server_hops(
    live: LiveLab,
    settings: Settings,
    told: HubTold,
    servers: list[tuple[Server, str | None]],
) -> Iterable[Hop]:
    """Between the hub and each server that runs, both ways."""
    hub = live.lab.one("hub").service
    for server, api_url in servers:
        label = f"{server.label} on {server.host}"
        yield Hop(hub, label, server_url(told, server), governing(SERVER_BIND, settings))
        if api_url and server.host:
            setting = hub_setting(TOLD_SERVERS, settings, told, api_url)
            yield Hop(server.host, f"{hub} API, for {label}", api_url, setting)


def server_url(told: HubTold, server: Server) -> str:
    """The API of a server at its own address, as far as its spawner tells that."""
    place = server.tunnel or (server.address and f"{server.address}:{server.port}")
    return f"http://{place}{base_path(told)}{server.path}api" if place else UNTOLD


def user_route_hops(
    live: LiveLab,
    settings: Settings,
    told: HubTold,
    routes: list[Route],
    servers: list[Server],
) -> Iterable[Hop]:
    """From the proxy to each server in its table, and to those that are ready but not there."""
    for route in routes:
        if route.user:
            url = f"{route.target}{route.spec.rstrip('/')}/api"
            yield Hop(
                live.lab.one("proxy").service,
                f"{server_label(route.user, route.server)}'s server",
                url,
                governing(SERVER_BIND, settings),
            )
    routed = {(route.user, route.server or "") for route in routes}
    for server in servers:
        if server.ready and (server.user, server.name) not in routed:
            target = f"{server.label}'s server"
            yield unrouted(live, settings, told, target, server_url(told, server))


def silent_nodes(
    live: LiveLab, settings: Settings, told: HubTold, running: list[Server]
) -> Iterable[Hop]:
    """From nodes without a server, what one would be told: a spawn that failed leaves none."""
    busy = {server.host for server in running}
    if told.reverse_tunnel:
        return  # with a tunnel for each server there is no way before there is a server
    url, setting = UNTOLD, governing(HUB_BIND, settings)
    if told.connect:
        url = new_server_api(settings, told.connect)
        setting = hub_setting(TOLD_SERVERS, settings, told, url)
    error = None if told.connect else told.silence
    for node in live.lab.of_role("node"):
        if node.service not in busy:
            hub = live.lab.one("hub").service
            yield Hop(node.service, f"{hub} API, for a new server", url, setting, error=error)


def new_server_api(settings: Settings, connect: str) -> str:
    """The hub's API as a new server would be told it (jupyterhub/spawner.py, `get_env`)."""
    own = next((settings[key] for key in TOLD_SERVERS[:2] if settings.get(key)), None)
    api = str(URL(connect) / "api")
    return f"{str(own).rstrip('/')}{URL(api).path}" if own else api


def base_path(told: HubTold) -> str:
    """The path under which hub and servers stand, `/` or `/base/`."""
    return URL(told.listens).path.removesuffix("hub/") if told.listens else "/"


def judged(hop: Hop) -> Hop:
    """Somebody answers, but is it the right one?

    A wrong path is a wrong base URL, or one that was told to servers alone.
    """
    if hop.error and hop.silence:
        return replace(hop, ok=False, error=f"{hop.error}; {hop.silence}")
    if hop.error or hop.layer != "HTTP" or hop.status == hop.good:
        return replace(hop, ok=hop.error is None)
    error = f"answered {hop.status} and not {hop.good}: something else is there"
    setting = hop.setting if hop.setting in TOLD_SERVERS[:2] else BASE_URL
    return replace(hop, ok=False, error=error, setting=setting)


def governing(keys: tuple[str, ...], settings: Settings) -> str:
    """Of the settings that decide an address, the one that is set; else the usual one."""
    return next((key for key in keys if key in settings), keys[-1])


def binding(keys: tuple[str, ...], settings: Settings, usual: str = "") -> str:
    """Of the settings that decide together where something listens, those that are set.

    Else the usual one. The keys are in small letters, for sshd does not tell them from others.
    """
    found = [key for known in keys for key in settings if key.lower() == known]
    return " or ".join(found) or usual or keys[-1]


def hub_setting(keys: tuple[str, ...], settings: Settings, told: HubTold, url: str) -> str:
    """Who is to blame for an address of the hub: what it calls itself, or where it listens.

    A hub whose name is taken away (the lab's base has one) calls itself by where it listens.
    """
    away = URL(url).host not in ("127.0.0.1", "localhost", "::1")
    named = HUB_ADDRESS[-1] not in settings or any(settings.get(key) for key in keys)
    if listens_on_loopback_only(told) and (away or not named):
        return governing(HUB_BIND, settings)
    return governing(keys, settings)


async def try_all(live: LiveLab, hops: list[Hop]) -> list[Hop]:
    """Try hops, all of one host in one go, from its sidecar; those known as broken stay so."""
    open_ones = [hop for hop in hops if not hop.error]
    sources = sorted({hop.source for hop in open_ones})
    by_host = [[hop for hop in open_ones if hop.source == source] for source in sources]
    tried = await asyncio.gather(
        *(asyncio.to_thread(try_twice, live, own[0].source, own) for own in by_host)
    )
    done = {
        id(before): after
        for own, rs in zip(by_host, tried, strict=True)
        for before, after in zip(own, rs, strict=True)
    }
    return [done.get(id(hop), hop) for hop in hops]


def try_twice(live: LiveLab, host: str, hops: list[Hop]) -> list[Hop]:
    """Try the hops of one host; those that are silent once more, and longer."""
    tried = try_from(live, host, hops, PATIENCE)
    silent = [hop for hop in tried if (hop.error or "").startswith(SILENT)]
    again = iter(try_from(live, host, silent, LONGER) if silent else [])
    return [next(again) if hop in silent else hop for hop in tried]


def try_from(live: LiveLab, host: str, hops: list[Hop], patience: float) -> list[Hop]:
    """Try the hops of one host, each for some seconds."""
    urls = json.dumps([hop.url for hop in hops])
    argv = ["python3", "/opt/hublab/reach.py", urls, str(patience)]
    try:
        done = live.lab.engine.exec(live.lab.sidecar(host), argv)
        results = json.loads(done.stdout) if done.exit_code == 0 else None
        error = done.stderr.strip()[-300:]
    except HublabError as broken:
        results, error = None, broken.message
    if results is None:
        return [replace(hop, error=f"could not be tried: {error}") for hop in hops]
    return [judged(replace(hop, **seen)) for hop, seen in zip(hops, results, strict=True)]
