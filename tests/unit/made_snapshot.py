"""Snapshots of a lab that was never started, and their hops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hublab.diagnosis.reach import HopDiagnosis, diagnose
from hublab.probes.advertised import HubAddresses
from hublab.probes.hops import Hop, Kind, planned_hops
from hublab.probes.reach import Attempt, Reach, TriedHop
from hublab.probes.routes import Route
from hublab.probes.snapshot import Hosts, Snapshot
from hublab.running.servers import Server
from hublab.settings.values import Settings

HUB_ROUTE = Route("/", "http://hub:8081", None, None, None, {"hub": True})
LISTENS = HubAddresses("http://0.0.0.0:8081/hub/", "http://hub:8081/hub/", "http://proxy:8001")
RUNS = replace(LISTENS, running=True)


def snapshot_of(
    hub: HubAddresses,
    routes: Sequence[Route] = (HUB_ROUTE,),
    settings: Mapping[str, Any] | None = None,
    servers: Sequence[Server] = (),
    **more: Any,
) -> Snapshot:
    """A lab of one host a role, in which hub, proxy and servers say this."""
    return Snapshot(
        hosts=Hosts("client", "proxy", "hub", ("node1",), ("address of proxy",)),
        settings=Settings(settings),
        hub=hub,
        servers=tuple(servers),
        routes=tuple(routes),
        name_option=" --name small",
        **more,
    )


def fine(hop: Hop) -> Attempt:
    """The answer of the right one."""
    if hop.kind in (Kind.SSH, Kind.JUMP):
        return Attempt("SSH", status="SSH-2.0-OpenSSH")
    if hop.kind is Kind.DATABASE:
        return Attempt("PostgreSQL", status="offers TLS")
    return Attempt("HTTP", status=403 if hop.kind is Kind.PROXY_API else 200)


def diagnosed(snapshot: Snapshot) -> dict[tuple[str, str], HopDiagnosis]:
    """The diagnosis where everything that is tried answers as it should."""
    tried = [
        TriedHop(hop, fine(hop) if hop.can_be_tried else None) for hop in planned_hops(snapshot)
    ]
    return {(hop.source, hop.target): hop for hop in diagnose(Reach(snapshot, tuple(tried)))}
