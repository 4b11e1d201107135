"""The proxy's table of routes, and what the hub believes it to be.

Where the two differ says `hublab.diagnosis.routes`.

The hub's belief is put together from what it says now: its own address, the servers that are
ready, and the services with an address, whose targets stand in its database. Routes of others that
lack the mark `jupyterhub` are left alone by the hub (jupyterhub/proxy.py, `check_routes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

from hublab.errors import HublabError, UsageError
from hublab.probes.advertised import advertised_by_hub
from hublab.probes.database import DatabaseReader, Table
from hublab.probes.observation import observed
from hublab.probes.routes import proxy_routes, same_path
from hublab.running.live import LiveLab
from hublab.running.servers import server_from


@dataclass(frozen=True, slots=True)
class RouteTables:
    """Path -> target in both tables; the paths are spelled alike (`same_path`)."""

    proxy: Mapping[str, str]
    hub: Mapping[str, str] | None
    """None where the hub could not be asked."""
    hub_error: str | None = None
    """Why it could not."""


@observed("route_tables")
async def route_tables(live: LiveLab) -> RouteTables:
    """Ask proxy and hub. Raises Undecided when the proxy's API does not answer."""
    proxy = {same_path(route.spec): route.target for route in await proxy_routes(live)}
    try:
        belief = await hub_belief(live)
    except HublabError as error:
        return RouteTables(proxy, None, str(error))
    return RouteTables(proxy, {same_path(spec): target for spec, target in belief.items()})


@observed("hub_belief")
async def hub_belief(live: LiveLab) -> dict[str, str]:
    """Path to target, as the hub would fill an empty table now."""
    hub = await live.hub()
    users = await hub.users()
    addresses, tables = await asyncio.gather(advertised_by_hub(live), tables_if_readable(live))
    targets = targets_of(tables)
    ready = {
        str(model["url"]): server_from(user["name"], model)
        for user in users
        for model in user.get("servers", {}).values()
        if model["ready"]
    }
    belief = {
        path: targets.get(same_path(path), f"http://{server.address}:{server.port}")
        for path, server in ready.items()
    }
    belief.update(service_routes(tables, addresses.service_hosts))
    if addresses.connect:
        spec = addresses.routespec or base_of(addresses.connect)
        belief[spec] = str(URL(addresses.connect).origin())
    return {**belief, **addresses.extra_routes}


async def tables_if_readable(live: LiveLab) -> dict[str, Table]:
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
        same_path(str(row["base_url"])): f"{row['proto']}://{row['ip']}:{row['port']}"
        for row in rows
    }


def service_routes(tables: Mapping[str, Table], hosts: Mapping[str, str]) -> dict[str, str]:
    """Path to address of the services that have one, below the host of a service that has one."""
    if "services" not in tables:
        return {}
    targets = targets_of(tables)
    names = {row["_server_id"]: str(row["name"]) for row in tables["services"].rows}
    found: dict[str, str] = {}
    for row in tables["servers"].rows:
        if row["id"] in names:
            path, host = str(row["base_url"]), hosts.get(names[row["id"]])
            found[f"/{host}{path}" if host else path] = targets[same_path(path)]
    return found
