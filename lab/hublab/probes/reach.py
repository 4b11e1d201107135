"""Every hop of the deployment, tried from inside the host that makes it.

What is wrong with a hop, and which setting governs it, says `hublab.diagnosis.reach`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hublab.errors import HublabError
from hublab.probes.hops import Hop, planned_hops
from hublab.probes.observation import observed
from hublab.probes.snapshot import Snapshot, recorded, take_snapshot
from hublab.running.live import LiveLab

PATIENCE = 3.0
"""Seconds for each hop. On one network a refusal comes at once: silence so long is an answer."""
LONGER = 6.0
"""Seconds for a hop that was silent: a host that is busy needs more, a silent one stays so."""
SILENT = "no answer within"
"""How the sidecar's `reach.py` begins what it says of silence."""
SCRIPT = "/opt/hublab/reach.py"
"""In the sidecar's image: compose/images/tools/reach.py."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far a hop got, by layer: DNS, TCP, TLS, and then HTTP, SSH or PostgreSQL.

    None where not even a name was known, and where no name had to be.
    """

    layer: str | None = None
    address: str | None = None
    status: int | str | None = None
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TriedHop:
    """A hop and what came of it; `attempt` is None where it could not be tried."""

    hop: Hop
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """All hops of a deployment, and what they were planned by."""

    snapshot: Snapshot
    hops: tuple[TriedHop, ...]


def with_addresses(seen: Reach) -> dict[str, object]:
    """What the journal gets: the addresses that were advertised, and each hop on one level."""
    hops = [
        {
            "kind": one.hop.kind.name,
            "from": one.hop.source,
            "to": one.hop.target,
            "url": one.hop.url,
            "attempt": one.attempt and asdict(one.attempt),
        }
        for one in seen.hops
    ]
    return {"snapshot": recorded(seen.snapshot), "hops": hops}


@observed("reach", with_addresses)
async def reach(live: LiveLab) -> Reach:
    """Try every hop there is now. Hosts are tried at the same time, and so are a host's hops."""
    snapshot = await take_snapshot(live)
    return Reach(snapshot, tuple(await try_all(live, planned_hops(snapshot))))


async def try_all(live: LiveLab, hops: Sequence[Hop]) -> list[TriedHop]:
    """Try all that can be tried, the hops of one host in one go, from its sidecar."""
    by_host: dict[str, list[Hop]] = {}
    for hop in hops:
        if hop.can_be_tried:
            by_host.setdefault(hop.source, []).append(hop)
    attempts = await asyncio.gather(
        *(asyncio.to_thread(try_twice, live, host, own) for host, own in by_host.items())
    )
    done = {
        id(hop): attempt
        for own, found in zip(by_host.values(), attempts, strict=True)
        for hop, attempt in zip(own, found, strict=True)
    }
    return [TriedHop(hop, done.get(id(hop))) for hop in hops]


def try_twice(live: LiveLab, host: str, hops: Sequence[Hop]) -> list[Attempt]:
    """Try the hops of one host; those that are silent once more, and longer."""
    attempts = try_from(live, host, hops, PATIENCE)
    silent = [n for n, one in enumerate(attempts) if (one.error or "").startswith(SILENT)]
    if silent:
        again = try_from(live, host, [hops[n] for n in silent], LONGER)
        for n, attempt in zip(silent, again, strict=True):
            attempts[n] = attempt
    return attempts


def try_from(live: LiveLab, host: str, hops: Sequence[Hop], patience: float) -> list[Attempt]:
    """Try the hops of one host, each for some seconds."""
    question = json.dumps({"urls": [hop.url for hop in hops], "timeout": patience})
    try:
        answer = live.lab.engine.ask(live.lab.sidecar(host), ["python3", SCRIPT], question)
    except HublabError as broken:
        return [Attempt(error=f"could not be tried: {broken.message}") for _ in hops]
    return [Attempt(**result) for result in json.loads(answer)]
