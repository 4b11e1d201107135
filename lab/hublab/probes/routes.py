"""The proxy's table of routes, as the proxy itself has it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hublab.probes.observation import observed
from hublab.probes.waiting import until
from hublab.running.live import LiveLab
from hublab.running.proxy_api import proxy_api_of

SCHEME = re.compile(r"^https?://")


@dataclass(frozen=True, slots=True)
class Route:
    """One entry: the path (and host, with host routing) that leads to a target."""

    spec: str
    target: str
    user: str | None
    server: str | None
    last_activity: str | None
    data: dict[str, Any]


@observed("proxy_routes", lambda routes: {route.spec: route.data for route in routes})
async def proxy_routes(live: LiveLab) -> list[Route]:
    """Ask the proxy where it runs, not the hub, which may be cut off from it.

    Raises Undecided when the proxy's API does not answer.
    """
    api = await proxy_api_of(live)
    table = await asyncio.to_thread(api.table)
    return [route_from(spec, entry) for spec, entry in sorted(table.items())]


async def until_no_user_route(live: LiveLab) -> None:
    """Wait until the proxy leads to no user's server any more. Raises Undecided."""

    async def without() -> bool:
        return not [route for route in await proxy_routes(live) if route.user]

    await until(without, what="no route of a user")


def route_from(spec: str, entry: dict[str, Any]) -> Route:
    return Route(
        spec=spec,
        target=entry["target"],
        user=entry.get("user"),
        server=entry.get("server_name"),
        last_activity=entry.get("last_activity"),
        data=entry,
    )


def same_path(spec: str) -> str:
    """A path as hub and proxy both could write it: unescaped and with a slash at its end.

    With `subdomain_host` the hub writes `https://alice.hub.example.org/user/alice/` for a user and
    `example.org/more/` for a route of its settings, and the proxy's table has the host as the first
    part of the path.
    """
    inner = SCHEME.sub("", unquote(spec)).strip("/")
    return f"/{inner}/" if inner else "/"
