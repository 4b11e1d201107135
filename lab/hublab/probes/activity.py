"""When a server was last active: as it says itself, as the proxy saw it, as the hub wrote it down.

Nobody is asked through the proxy, which would count the question as activity: each server is
asked on its own node, and its `/api/status` does not track activity (jupyter_server,
services/api/handlers.py). The hub learns from both others, late: from the server's reports
(JUPYTERHUB_ACTIVITY_INTERVAL, 300 s) and from the proxy (JupyterHub.last_activity_interval).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hublab.errors import HublabError
from hublab.probes.route_beliefs import key
from hublab.probes.routes import Route, last_words, proxy_routes
from hublab.running.live import LiveLab
from hublab.running.servers import Server, server_from

ASK = "/opt/hublab/routes.py"
"""Gets a URL with a token that it takes from ROUTES_TOKEN (compose/images/tools/routes.py)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One side's answer: the time it names, and its age in seconds; both None for `never`."""

    at: str | None
    age: float | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """One server, or with `name` None the user alone; ages are of one clock, the hub host's."""

    user: str
    name: str | None
    server: Moment | None
    """None where no server runs."""
    proxy: Moment | None
    """None where the proxy has no route, or could not be asked."""
    hub: Moment
    connections: int | None = None
    """Open kernel connections of the server."""
    kernels: int | None = None


async def activity(live: LiveLab, user: str | None = None) -> list[Activity]:
    """Ask all three. Raises UsageError for a user whom the hub does not know."""
    hub = await live.hub()
    users = [await hub.known_user(user)] if user else await hub.users()
    routes, now = await asyncio.gather(known_routes(live), clock(live))
    rows = [row for model in users for row in rows_of(model)]
    said = await asyncio.gather(*(ask(live, server) for _, server, _ in rows))
    return [
        observed(name, server, model, answer, routes, now)
        for (name, server, model), answer in zip(rows, said, strict=True)
    ]


def rows_of(model: dict[str, Any]) -> list[tuple[str, Server | None, dict[str, Any]]]:
    """A user's row, then one for each server."""
    name = str(model["name"])
    servers = [(name, server_from(name, one), one) for one in model.get("servers", {}).values()]
    return [(name, None, model), *servers]


async def known_routes(live: LiveLab) -> dict[str, Route] | None:
    """The proxy's table by path, None where it could not be asked."""
    try:
        return {key(route.spec): route for route in await proxy_routes(live)}
    except HublabError:
        return None


async def clock(live: LiveLab) -> datetime:
    """The time on the hub's host: the clock that the hub's own times are of."""
    text = await live.run(live.lab.one("hub").service, "date", "+%s.%N")
    return datetime.fromtimestamp(float(text), UTC)


async def ask(live: LiveLab, server: Server | None) -> dict[str, Any] | None:
    """What a server says of itself, `{"error": …}` where it does not; None where none runs."""
    if server is None or not server.ready:
        return None
    if server.host is None or server.address is None or server.port is None:
        return {"error": "its spawner does not say where it runs"}
    hub = await live.hub()
    base = hub.url.path.removesuffix("hub/api")
    url = f"http://{server.address}:{server.port}{base}{server.path}api/status"
    return await asyncio.to_thread(get, live, server.host, url)


def get(live: LiveLab, host: str, url: str) -> dict[str, Any]:
    """One GET from inside a host, with hublab's own token."""
    try:
        done = live.lab.engine.exec(
            live.lab.sidecar(host),
            ["python3", ASK, url],
            environment={"ROUTES_TOKEN": live.lab.secret("api_token")},
        )
        if done.exit_code:
            return {"error": f"{last_words(done.stderr)} at {url}"}
        return dict(json.loads(done.stdout))
    except (HublabError, ValueError) as error:
        return {"error": str(error)}


def observed(
    user: str,
    server: Server | None,
    model: dict[str, Any],
    said: dict[str, Any] | None,
    routes: dict[str, Route] | None,
    now: datetime,
) -> Activity:
    """One row from what all three said."""
    own = None
    if said is not None:
        own = moment(said.get("last_activity"), now, said.get("error"))
    route = (routes or {}).get(key(str(model["url"]))) if server and model.get("url") else None
    return Activity(
        user=user,
        name=server.name if server else None,
        server=own,
        proxy=moment(route.last_activity, now) if route else None,
        hub=moment(model.get("last_activity"), now),
        connections=said.get("connections") if said else None,
        kernels=said.get("kernels") if said else None,
    )


def moment(text: str | None, now: datetime, error: str | None = None) -> Moment:
    """A time of theirs and its age. Times without a zone are UTC, as in the hub's database."""
    if not text:
        return Moment(None, None, error)
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Moment(at.isoformat(), round((now - at).total_seconds(), 3), error)
