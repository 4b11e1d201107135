"""Why the proxy's table has no route to the hub or to a server, and what brings it back."""

from __future__ import annotations

import contextlib

from yarl import URL

from hublab.addresses import LOOPBACK_NAMES
from hublab.diagnosis.governing import PROXY_API, ROUTE_CHECKS, first_set
from hublab.probes.hops import Hop
from hublab.probes.snapshot import Snapshot
from hublab.running.proxy_address import api_port


def missing_route(snapshot: Snapshot, hop: Hop) -> tuple[str, str, str | None]:
    """What is wrong, the governing setting, and the workaround where there is one.

    The hub gives routes when it starts, when a server gets ready, and at each of its checks
    (jupyterhub/proxy.py, `check_routes`; app.py, `start`). It says that it runs only after the
    first, and a server whose route cannot be made is stopped. So the proxy had a route that is
    missing now, and has it again after the next check, unless the hub uses another proxy.
    """
    target = "the hub" if hop.target == snapshot.hosts.hub else hop.target
    error, api = f"the proxy has no route to {target}", first_set(PROXY_API, snapshot.settings)
    if snapshot.hub.why_silent:
        return f"{error}; {snapshot.hub.why_silent}", api, None
    if not snapshot.hub.running:
        return f"{error}; the hub has not said yet that it runs", f"{ROUTE_CHECKS} or {api}", None
    if not uses_the_labs_proxy(snapshot):
        return error, f"{ROUTE_CHECKS} or {api}", None
    check = f"`hublab routes --check{snapshot.name_option}`"
    return (
        f"the proxy has lost its route to {target}",
        ROUTE_CHECKS,
        f"{check} has the hub give its routes again now, not at its next check only",
    )


def uses_the_labs_proxy(snapshot: Snapshot) -> bool:
    """Whether the hub surely gives its routes to the lab's own proxy: by its name or address."""
    hosts = snapshot.hosts
    names = {hosts.proxy, *hosts.proxy_addresses}
    if hosts.proxy == hosts.hub:
        names |= set(LOOPBACK_NAMES)
    with contextlib.suppress(ValueError):  # of an address that is none
        api = URL(snapshot.hub.proxy_api or "")
        return api.host in names and str(api.port) == api_port(snapshot.settings)
    return False
