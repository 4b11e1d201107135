"""One server's last activity as its four keepers have it: many cheap readings, one after the other.

The server knows its own, the proxy has one in its table of routes, the hub one for the user and
one for the server. All are asked from the client host and none through the proxy, which would
count the question; `/api/status` does not track activity (jupyter_server, services/api/handlers.py)
and the token is a service's, so that no user is active by it (jupyterhub/handlers/base.py,
`get_current_user_token`). `hublab.probes.activity` has the same of all servers, as ages.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from hublab.errors import Undecided
from hublab.probes.observation import observing
from hublab.probes.routes import same_path
from hublab.running.hub_api import Hub
from hublab.running.live import LiveLab
from hublab.running.servers import Server

KEEPERS = ("server", "proxy", "hub_user", "hub_server")


@dataclass(frozen=True, slots=True)
class Beliefs:
    """When each of the four believes that there was activity for the last time."""

    server: datetime | None
    proxy: datetime | None
    hub_user: datetime | None
    hub_server: datetime | None

    def moved_since(self, before: Beliefs) -> frozenset[str]:
        """The keepers whose time is later than it was."""
        return frozenset(one for one in KEEPERS if later(getattr(self, one), getattr(before, one)))


def later(now: datetime | None, before: datetime | None) -> bool:
    """Whether a time has moved on; the first one is later than none."""
    return now is not None and (before is None or now > before)


class LastActivity:
    """Reads one server's beliefs. Use `last_activity`."""

    def __init__(self, live: LiveLab, server: Server, session: aiohttp.ClientSession) -> None:
        self._live = live
        self._server = server
        self._session = session

    async def read(self) -> Beliefs:
        """Ask all four. Raises HubError or Undecided when one does not answer."""
        with observing(self._live, "last_activity", {"server": self._server.label}) as saw:
            found = await self._ask()
            saw(found)
            return found

    async def _ask(self) -> Beliefs:
        hub = await self._live.hub()
        own, routes, user = await asyncio.gather(
            self.of_server(), hub.routes(), hub.user(self._server.user)
        )
        path = same_path(path_of(hub, self._server))
        data: dict[str, Any] = next(
            (one["data"] for spec, one in routes.items() if same_path(spec) == path), {}
        )
        servers = (user or {}).get("servers", {})
        return Beliefs(
            server=own,
            proxy=instant(data.get("last_activity")),
            hub_user=instant((user or {}).get("last_activity")),
            hub_server=instant(servers.get(self._server.name, {}).get("last_activity")),
        )

    async def of_server(self) -> datetime | None:
        """What the server says of itself, on its own address."""
        hub = await self._live.hub()
        place = f"http://{self._server.address}:{self._server.port}"
        url = f"{place}{path_of(hub, self._server)}api/status"
        try:
            async with self._session.get(url) as answer:
                model: dict[str, Any] = await answer.json()
                return instant(model.get("last_activity"))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Undecided(f"the server does not answer: {error!r}", where=url) from error


def path_of(hub: Hub, server: Server) -> str:
    """The path under which a server stands, with its trailing slash."""
    base = hub.url.path.removesuffix("hub/api")
    return f"{base}{server.path}"


def instant(text: str | None) -> datetime | None:
    """A time of theirs; without a zone it is UTC, as in the hub's database."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def last_activity(live: LiveLab, server: Server) -> LastActivity:
    """The reader of one server's last activity; it ends with the lab's connection."""
    token = await asyncio.to_thread(live.lab.secret, "api_token")
    session = live.channel.session(headers={"Authorization": f"token {token}"})
    return LastActivity(live, server, await live.enter(session))
