"""Working trees that a running lab has in place of releases, as its hosts have them on record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from hublab.checkouts import Source
from hublab.engine import Container, Engine
from hublab.running.lab import Lab

FOLDER = "/usr/local/lib/hublab"
RECORD = f"{FOLDER}/sources.json"
VERSIONS = f"{FOLDER}/source_versions"
"""A line for each entry of RECORD: what the software says of its version."""


def sources_of(engine: Engine, host: Container) -> list[Source]:
    """The working trees that a host has; none is the rule."""
    if not host.sources:
        return []
    record = engine.read_file(host.id, RECORD) or b"[]"
    versions = (engine.read_file(host.id, VERSIONS) or b"").decode().split("\n")
    entries = json.loads(record)
    return [
        Source(**{**entry, "hosts": (host.service,), "version": version})
        for entry, version in zip(entries, [*versions, *[""] * len(entries)], strict=False)
    ]


def sources_in(lab: Lab) -> list[Source]:
    """The working trees of a lab, each once, with its hosts."""
    return merged(one for host in lab.hosts.values() for one in sources_of(lab.engine, host))


def merged(found: Iterable[Source]) -> list[Source]:
    """Each working tree once, with all of its hosts."""
    by_state: dict[Source, tuple[str, ...]] = {}
    for one in found:
        key = replace(one, hosts=())
        by_state[key] = by_state.get(key, ()) + one.hosts
    return [replace(one, hosts=hosts) for one, hosts in by_state.items()]
