"""What Compose accepts and a lab cannot start: files that are missing, a host's own command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from hublab.roles import INIT, LABEL
from hublab.topology.problems import RawProblem

Config = Mapping[str, Any]
TOOLS = "hublab-tools:"
"""The image that starts nothing by itself: the pages of other origins have a command."""


def start_problems(config: Config) -> Iterator[RawProblem]:
    """Everything in a topology with which `up` would fail after it has begun."""
    for section in ("secrets", "configs"):
        for name, definition in (config.get(section) or {}).items():
            file = (definition or {}).get("file")
            if file and name != "ca" and not os.path.exists(file):
                yield (section, name, "file"), f"there is no file {file}", "a file that exists"
    for name, service in (config.get("services") or {}).items():
        yield from service_problems(name, service)


def service_problems(name: str, service: Config) -> Iterator[RawProblem]:
    """A host that would not be the lab's, or would be several."""
    role = (service.get("labels") or {}).get(LABEL)
    if role in (None, INIT):
        return
    image = str(service.get("image", ""))
    ours = image.startswith("hublab-") and not image.startswith(TOOLS)
    for key in ("command", "entrypoint") if ours else ():
        if service.get(key):
            reason = f"this {key} replaces the lab's {role}, which the image starts by itself"
            yield ("services", name, key), reason, f"no {key}"
    replicas = (service.get("deploy") or {}).get("replicas", service.get("scale"))
    if replicas not in (None, 1):
        path = ("services", name, "deploy" if service.get("deploy") else "scale")
        reason = f"a host is one container with an address of its own, not {replicas}"
        yield path, reason, "a service for each host, or --nodes"
