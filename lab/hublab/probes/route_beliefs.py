"""The proxy's table of routes beside what the hub believes it to be.

The hub's belief is made of what it says now: its own address, the servers that are ready, and
the services with an address, whose targets stand in its database. Routes of others that lack
the mark `jupyterhub` are left alone by the hub (jupyterhub/proxy.py, `check_routes`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from yarl import URL

from hublab.errors import HublabError, UsageError
from hublab.probes.database import DatabaseReader, Table
from hublab.probes.routes import Route, proxy_routes
from hublab.probes.told import hub_told
from hublab.running.live import LiveLab
from hublab.running.servers import server_from
from hublab.settings.values import Settings

AGREE, ONLY_PROXY, ONLY_HUB, DIFFERS = "agree", "only proxy", "only hub", "differs"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RoutePair:
    """One path: where the proxy sends it, and where the hub believes that it does.

    `mark` is one of the words above; `unknown` where the hub could not be asked.
    """

    spec: str
    proxy: str | None
    hub: str | None
    mark: str


@dataclass(frozen=True, slots=True)
class RouteTables:
    """Both tables, row by row; `silence` says why the hub's belief is not known."""

    rows: tuple[RoutePair, ...]
    silence: str | None = None


async def compare_routes(live: LiveLab) -> RouteTables:
    """Ask both. Raises Undecided when the proxy's API does not answer."""
    routes = await proxy_routes(live)
    try:
        belief = await hub_belief(live)
    except HublabError as error:
        rows = [RoutePair(key(r.spec), r.target, None, UNKNOWN) for r in routes]
        return RouteTables(tuple(rows), str(error))
    return RouteTables(tuple(pair_up(routes, belief)))


async def hub_belief(live: LiveLab) -> dict[str, str]:
    """Path to target, as the hub would fill an empty table now."""
    hub = await live.hub()
    users = await hub.users()
    told, tables, settings = await asyncio.gather(
        hub_told(live), stored(live), asyncio.to_thread(live.lab.settings)
    )
    targets = targets_of(tables)
    ready = {
        str(model["url"]): server_from(user["name"], model)
        for user in users
        for model in user.get("servers", {}).values()
        if model["ready"]
    }
    belief = {
        path: targets.get(key(path), f"http://{server.address}:{server.port}")
        for path, server in ready.items()
    }
    belief.update({path: targets[key(path)] for path in services_of(tables)})
    if told.connect:
        spec = str(settings.get("hub.JupyterHub.hub_routespec", base_of(told.connect)))
        belief[spec] = str(URL(told.connect).origin())
    return {**belief, **extra_routes(settings)}


async def stored(live: LiveLab) -> dict[str, Table]:
    """The hub's database, empty where it is none that can be read: spawners say where they are."""
    try:
        return await DatabaseReader(live).read()
    except UsageError:
        return {}


def base_of(connect_url: str) -> str:
    """The path under which the whole deployment stands: what is before the hub's own `hub/`."""
    return URL(connect_url).path.removesuffix("/").removesuffix("hub") or "/"


def targets_of(tables: Mapping[str, Table]) -> dict[str, str]:
    """Path to address of everything that has a row in `servers`."""
    rows = tables["servers"].rows if "servers" in tables else ()
    return {
        key(str(row["base_url"])): f"{row['proto']}://{row['ip']}:{row['port']}" for row in rows
    }


def services_of(tables: Mapping[str, Table]) -> list[str]:
    """Paths of the services that have an address of their own."""
    if "services" not in tables:
        return []
    ids = {row["_server_id"] for row in tables["services"].rows}
    return [str(row["base_url"]) for row in tables["servers"].rows if row["id"] in ids]


def extra_routes(settings: Settings) -> dict[str, str]:
    """Routes that the settings ask for by themselves (`Proxy.extra_routes`)."""
    found: dict[str, str] = {}
    for name in ("hub.Proxy.extra_routes", "hub.ConfigurableHTTPProxy.extra_routes"):
        value = settings.get(name, {})
        if isinstance(value, str):
            value = json.loads(value) if value.startswith("{") else {}
        if isinstance(value, dict):
            found.update({spec: str(target) for spec, target in value.items()})
    return found


def pair_up(routes: Iterable[Route], belief: Mapping[str, str]) -> list[RoutePair]:
    """Both tables side by side, in the order of the paths."""
    proxy = {key(route.spec): route.target for route in routes}
    hub = {key(spec): target for spec, target in belief.items()}
    return [
        RoutePair(spec, proxy.get(spec), hub.get(spec), mark(proxy.get(spec), hub.get(spec)))
        for spec in sorted({*proxy, *hub})
    ]


def mark(proxy: str | None, hub: str | None) -> str:
    """One word for a row."""
    if hub is None:
        return ONLY_PROXY
    if proxy is None:
        return ONLY_HUB
    return AGREE if proxy.rstrip("/") == hub.rstrip("/") else DIFFERS


def key(spec: str) -> str:
    """A path as both sides write it: unescaped and with a slash at its end."""
    return f"{unquote(spec).rstrip('/')}/"
