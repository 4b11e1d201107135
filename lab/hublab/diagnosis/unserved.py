"""Who is not served by a deployment that runs, and which setting is to blame; pure."""

from __future__ import annotations

from dataclasses import dataclass

from hublab.diagnosis.reach import diagnose
from hublab.probes.hops import Kind
from hublab.probes.reach import Reach

EFFECT = {
    Kind.FRONT: "nobody reaches the reverse proxy",
    Kind.UPSTREAM: "nobody reaches the proxy through the reverse proxy",
    Kind.PROXY: "nobody reaches the proxy",
    Kind.PROXY_API: "the hub cannot set routes, so that new servers are not reached",
    Kind.PROXY_TABLE: "it is unknown which routes the proxy has",
    Kind.SSH: "the hub starts no server on {target}",
    Kind.JUMP: "the hub starts no server behind {target}",
    Kind.HUB_ROUTE: "nobody can sign in: the proxy does not reach the hub",
    Kind.SERVER_ROUTE: "nobody reaches {target} through the proxy",
    Kind.SERVICE_ROUTE: "nobody reaches {target} through the proxy",
    Kind.NO_ROUTE: "nobody reaches {target} through the proxy",
    Kind.SERVER: "the hub does not reach {target}, and takes it for dead",
    Kind.HUB_API: "{source} does not reach the hub",
    Kind.NEW_HUB_API: "servers on {source} cannot reach the hub, and do not start",
    Kind.DATABASE: "the hub does not reach {target}: nobody signs in, and no token is good",
    Kind.SIGN_IN_PAGE: "nobody can sign in: browsers do not reach {target}",
    Kind.PROVIDER: "nobody can sign in: the hub does not reach {target}",
}
"""What a broken hop means to people."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """What does not work for whom, why, and the setting that governs it."""

    effect: str
    error: str
    setting: str


def unserved(seen: Reach) -> list[Unserved]:
    """What broken hops come to, those that differ in the host alone as one."""
    alike: dict[tuple[Kind, str, str], list[tuple[str, str]]] = {}
    for tried, found in zip(seen.hops, diagnose(seen), strict=True):
        if found.error is not None:
            key = (tried.hop.kind, found.error, found.setting)
            alike.setdefault(key, []).append((found.source, found.target))
    return [
        Unserved(
            EFFECT[kind].format(
                source=" and ".join(dict.fromkeys(source for source, _ in hosts)),
                target=" and ".join(dict.fromkeys(target for _, target in hosts)),
            ),
            error,
            setting,
        )
        for (kind, error, setting), hosts in alike.items()
    ]
