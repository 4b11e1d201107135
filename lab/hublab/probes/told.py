"""What the running processes were really told of each other's addresses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from hublab.running.hub import hub_run
from hublab.running.live import LiveLab, Server

CONNECT = re.compile(r"Private Hub API connect url (\S+)")
PRINT_API_URL = "tr '\\0' '\\n' < /proc/$1/environ | grep '^JUPYTERHUB_API_URL='"


@dataclass(frozen=True, slots=True)
class HubTold:
    """Where the hub listens, how it calls itself to others, and where it looks for the proxy."""

    listens: str | None
    connect: str | None
    proxy_api: str | None
    bastions: Mapping[str, list[str]] = field(default_factory=dict)
    """Node -> the hosts through which the hub reaches it, the first one first."""
    reverse_tunnel: bool = False
    """Whether servers reach the hub's API through SSH."""
    ended: bool = False
    """Whether the hub has ended by itself, as far as its log tells."""
    running: bool = False
    """Whether it has said that it runs: by then it had given the proxy that it asks its routes."""

    @property
    def silence(self) -> str | None:
        """Why the hub has no address now, None where it listens."""
        if self.listens:
            return None
        return f"the hub {'has ended' if self.ended else 'does not listen'}: see `hublab logs hub`"


async def hub_told(live: LiveLab) -> HubTold:
    """From the hub's log since its last start, and from what its configuration came to."""
    run = await asyncio.to_thread(hub_run, live.lab)
    connect = CONNECT.search(run.log)
    hub = live.lab.one("hub").id
    raw = await asyncio.to_thread(
        live.lab.engine.read_file, hub, "/srv/jupyterhub/effective_config.json"
    )
    told = json.loads(raw) if raw else {}
    return HubTold(
        run.api_url,
        connect[1] if connect else run.api_url,
        told.get("proxy_api_url"),
        told.get("bastions", {}),
        bool(told.get("reverse_tunnel")),
        run.ended,
        run.running,
    )


async def server_told(live: LiveLab, server: Server) -> str | None:
    """The hub's API as a running server was told it, from the environment of its process.

    Read as the server's own user, for not even root may read another's in a container.
    """
    if server.host is None or server.pid is None:
        return None
    argv = ("sh", "-c", PRINT_API_URL, "-", str(server.pid))
    done = await asyncio.to_thread(lambda: live.lab.run(str(server.host), *argv, user=server.user))
    return done.stdout.strip().partition("=")[2] or None


def listens_on_loopback_only(told: HubTold) -> bool:
    """Whether nobody but the hub's own host can reach the hub, whatever address it gives out."""
    host = URL(told.listens).host if told.listens else None
    return host in ("127.0.0.1", "localhost", "::1")
