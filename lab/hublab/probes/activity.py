"""When a server was last active: by its own word, by the proxy's and by the hub's.

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

from hublab.errors import HublabError, Undecided
from hublab.probes.observation import observed
from hublab.probes.routes import Route, proxy_routes, same_path
from hublab.running.live import LiveLab
from hublab.running.servers import Server, server_from
from hublab.running.sidecar_http import get_from_inside


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


@observed("activity")
async def activity(live: LiveLab, user: str | None = None) -> list[Activity]:
    """Ask all three. Raises UsageError for a user whom the hub does not know."""
    hub = await live.hub()
    users = [await hub.known_user(user)] if user else await hub.users()
    routes, now = await asyncio.gather(known_routes(live), clock(live))
    rows = [row for model in users for row in rows_of(model)]
    answers = await asyncio.gather(*(ask(live, server) for _, server, _ in rows))
    return [
        row_from(name, server, model, answer, routes, now)
        for (name, server, model), answer in zip(rows, answers, strict=True)
    ]


def rows_of(model: dict[str, Any]) -> list[tuple[str, Server | None, dict[str, Any]]]:
    """A user's row, then one for each server."""
    name = str(model["name"])
    servers = [(name, server_from(name, one), one) for one in model.get("servers", {}).values()]
    return [(name, None, model), *servers]


async def known_routes(live: LiveLab) -> dict[str, Route] | None:
    """The proxy's table by path, None where it could not be asked."""
    try:
        return {same_path(route.spec): route for route in await proxy_routes(live)}
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
        return dict(json.loads(get_from_inside(live.lab, host, url, live.lab.secret("api_token"))))
    except Undecided as error:
        return {"error": f"{error.message} at {url}"}
    except (HublabError, ValueError) as error:
        return {"error": str(error)}


def row_from(
    user: str,
    server: Server | None,
    model: dict[str, Any],
    answer: dict[str, Any] | None,
    routes: dict[str, Route] | None,
    now: datetime,
) -> Activity:
    """One row from what all three answered."""
    own = None
    if answer is not None:
        own = moment(answer.get("last_activity"), now, answer.get("error"))
    route = (
        (routes or {}).get(same_path(str(model["url"]))) if server and model.get("url") else None
    )
    return Activity(
        user=user,
        name=server.name if server else None,
        server=own,
        proxy=moment(route.last_activity, now) if route else None,
        hub=moment(model.get("last_activity"), now),
        connections=answer.get("connections") if answer else None,
        kernels=answer.get("kernels") if answer else None,
    )


def moment(text: str | None, now: datetime, error: str | None = None) -> Moment:
    """A time of theirs and its age. Times without a zone are UTC, as in the hub's database."""
    if not text:
        return Moment(None, None, error)
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Moment(at.isoformat(), round((now - at).total_seconds(), 3), error)
