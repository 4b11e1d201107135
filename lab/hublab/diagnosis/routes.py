"""Where the proxy's table of routes and the hub's belief differ."""

from __future__ import annotations

from dataclasses import dataclass

from hublab.probes.route_beliefs import RouteTables

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


def compare(tables: RouteTables) -> list[RoutePair]:
    """Both tables side by side, in the order of the paths."""
    if tables.hub is None:
        return [RoutePair(spec, tables.proxy[spec], None, UNKNOWN) for spec in sorted(tables.proxy)]
    return [
        RoutePair(spec, proxy, hub, mark(proxy, hub))
        for spec in sorted({*tables.proxy, *tables.hub})
        for proxy, hub in [(tables.proxy.get(spec), tables.hub.get(spec))]
    ]


def mark(proxy: str | None, hub: str | None) -> str:
    """One word for a path by its two targets."""
    if hub is None:
        return ONLY_PROXY
    if proxy is None:
        return ONLY_HUB
    return AGREE if proxy.rstrip("/") == hub.rstrip("/") else DIFFERS
