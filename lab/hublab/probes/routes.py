"""The proxy's table of routes, as the proxy itself tells it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

from hublab.errors import Undecided
from hublab.paths import ETC
from hublab.probes.waiting import until
from hublab.running.live import LiveLab


@dataclass(frozen=True, slots=True)
class Route:
    """One entry: the path (and host, with host routing) that leads to a target."""

    spec: str
    target: str
    user: str | None
    server: str | None
    last_activity: str | None
    data: dict[str, Any]


async def proxy_routes(live: LiveLab) -> list[Route]:
    """Ask the proxy where it runs, not the hub, which may be cut off from it.

    Raises Undecided when the proxy's API does not answer.
    """
    return await asyncio.to_thread(ask, live)


async def until_no_user_route(live: LiveLab) -> None:
    """Wait until the proxy leads to no user's server any more. Raises Undecided."""

    async def without() -> bool:
        return not [route for route in await proxy_routes(live) if route.user]

    await until(without, what="no route of a user")


def ask(live: LiveLab) -> list[Route]:
    proxy = live.lab.one("proxy").service
    token = live.lab.output(proxy, "cat", f"{ETC}/env/CONFIGPROXY_AUTH_TOKEN").strip()
    port = live.lab.settings().get("proxy.api-port", 8001)
    done = live.lab.engine.exec(
        live.lab.sidecar(proxy),
        ["python3", "/opt/hublab/routes.py", f"http://127.0.0.1:{port}/api/routes"],
        environment={"ROUTES_TOKEN": token},
    )
    if done.exit_code:
        raise Undecided(f"the proxy's API did not answer: {last_words(done.stderr)}", where=proxy)
    return [route_from(spec, entry) for spec, entry in sorted(json.loads(done.stdout).items())]


def last_words(stderr: str) -> str:
    """Why `routes.py` got no answer, from its traceback: what happened, without Python's names."""
    *_, last = stderr.strip().splitlines() or ["it says nothing"]
    if refused := re.match(r"urllib\.error\.HTTPError: HTTP Error (.*?):? *$", last):
        return f"HTTP status {refused[1]}"
    return re.sub(r"^[\w.]*(?:Error|Exception): |<urlopen error (?:\[\w+ -?\d+\] )?|>$", "", last)


def route_from(spec: str, entry: dict[str, Any]) -> Route:
    return Route(
        spec=spec,
        target=entry["target"],
        user=entry.get("user"),
        server=entry.get("server_name"),
        last_activity=entry.get("last_activity"),
        data=entry,
    )
