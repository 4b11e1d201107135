"""The addresses that running processes advertise to each other, and were started with."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from hublab.addresses import LOOPBACK_NAMES
from hublab.probes.observation import observed, observing
from hublab.running import programs
from hublab.running.live import LiveLab
from hublab.running.servers import Server

CONNECT = re.compile(r"Private Hub API connect url (\S+)")
PRINT_API_URL = "tr '\\0' '\\n' < /proc/$1/environ | grep '^JUPYTERHUB_API_URL='"
ADVERTISED = "/srv/jupyterhub/advertised.json"
"""On the hub's host, written by its configuration: compose/etc/hub/advertised.py."""


@dataclass(frozen=True, slots=True)
class HubAddresses:
    """Where the hub listens, what it calls itself to others, and where it looks for the proxy."""

    listens: str | None
    connect: str | None
    proxy_api: str | None
    bastions: Mapping[str, list[str]] = field(default_factory=dict)
    """Node -> the hosts through which the hub reaches it, the first one first."""
    reverse_tunnel: bool = False
    """Whether servers reach the hub's API through SSH."""
    ended: bool = False
    """Whether the hub has ended by itself, as far as its log shows."""
    running: bool = False
    """Whether its log says that it runs: by then it has given its routes to the proxy."""
    routespec: str | None = None
    """Its own route in the proxy, None: its base URL."""
    service_hosts: Mapping[str, str] = field(default_factory=dict)
    """Service -> the host of its own that it has with `subdomain_host`."""
    extra_routes: Mapping[str, str] = field(default_factory=dict)
    """Routes that its configuration asks for by themselves (`Proxy.extra_routes`)."""
    provider: Mapping[str, str] = field(default_factory=dict)
    """Setting of the hub, such as `GenericOAuthenticator.token_url` -> an identity provider's
    address."""

    @property
    def why_silent(self) -> str | None:
        """Why the hub has no address now, None where it listens."""
        if self.listens:
            return None
        return f"the hub {'has ended' if self.ended else 'does not listen'}: see `hublab logs hub`"

    @property
    def listens_on_loopback_only(self) -> bool:
        """Whether only the hub's own host can reach the hub, whatever address it advertises."""
        return bool(self.listens) and URL(str(self.listens)).host in LOOPBACK_NAMES

    @property
    def base_path(self) -> str:
        """The path under which hub and servers stand, `/` or `/base/`."""
        return URL(self.listens).path.removesuffix("hub/") if self.listens else "/"


@observed("advertised_by_hub")
async def advertised_by_hub(live: LiveLab) -> HubAddresses:
    """From the hub's log since its last start, and from its effective configuration."""
    run = await live.hub_run()
    connect = CONNECT.search(run.log)
    hub = live.lab.one("hub").id
    raw = await asyncio.to_thread(live.lab.engine.read_file, hub, ADVERTISED)
    configured = json.loads(raw) if raw else {}
    return HubAddresses(
        run.api_url,
        connect[1] if connect else run.api_url,
        configured.get("proxy_api_url"),
        configured.get("bastions", {}),
        bool(configured.get("reverse_tunnel")),
        run.ended,
        run.running,
        configured.get("routespec"),
        configured.get("service_hosts", {}),
        configured.get("extra_routes", {}),
        configured.get("provider", {}),
    )


async def api_url_of_server(live: LiveLab, server: Server) -> str | None:
    """The address of the hub's API with which a running server was started, None where unknown.

    It stands in the environment of the server's process.
    """
    with observing(live, "api_url_of_server", {"server": server.label, "pid": server.pid}) as saw:
        if server.host is None or server.pid is None:
            return None
        done = await asyncio.to_thread(
            programs.look_at, live.lab, server.host, server.pid, PRINT_API_URL
        )
        found = done.stdout.strip().partition("=")[2] or None
        saw(found)
        return found
