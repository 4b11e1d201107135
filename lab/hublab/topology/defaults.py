"""The overlay with what Compose files leave out.

A service that has a role and no image gets what the project's own topology gives such a host:
image, address, volume, published port. Where no service has the role init, one is added. What
a file says itself is kept. The result is text for Compose, so that Compose does the merging.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hublab.paths import ETC, SHARES
from hublab.roles import (
    INIT,
    LABEL,
    ROLES,
    SHARED_IMAGES,
    image_target,
    roles_of,
)
from hublab.topology.labels import label_faults
from hublab.topology.positions import Sources
from hublab.topology.problems import Fault, Problem, TopologyErrors
from hublab.topology.sections import Sections, Service, read_sections, service_roles

USERS = "${HUBLAB_USERS:-}"
"""Empty for the default ones, which compose/images/tools/init.py names."""
BASE = "${HUBLAB_BASE:-debian:trixie-slim}"
TAG = "${HUBLAB_TAG:-dev}"
SUBNET = "${HUBLAB_SUBNET:-198.18.0}"
CA = "${HUBLAB_CA:-/etc/ssl/certs/ca-certificates.crt}"
NETWORK = "lab"
SECRET = "ca"
NODES = "node"
"""Nodes that are added to a topology are named node1, node2 and so on."""
MADE_FROM = frozenset({"image", "build", "extends"})
"""A service with one of these has an image."""
MERGED = ("depends_on", "volumes")
"""Compose merges these with what a file has; all else of a default gives way to it."""
FEWEST_NODES, MOST_NODES = 2, 128
"""How many nodes `--nodes` gives: compose/lab.yaml has two of its own."""
COMPLETED = "service_completed_successfully"
"""Compose's condition for a service that waits for another one to end with success."""


def overlay_text(files: Sequence[Path], root: Path, nodes: int | None = None) -> str:
    """The overlay that completes the files, empty where nothing is missing. Writes nothing.

    `root` is the project's folder, from which images are built; `nodes` is how many nodes the
    topology shall have. Raises TopologyErrors, with file and line, for services that neither have
    an image nor get one.
    """
    found = read_sections(files)
    if wrong := list(faults(found.services)):
        sources = Sources(files)
        raise TopologyErrors(Problem.at(sources, *fault) for fault in wrong)
    overlay = _Overlay(found, root)
    overlay.complete()
    overlay.add_nodes(nodes or 0)
    return overlay.text()


def faults(services: Mapping[str, Service]) -> Iterator[Fault]:
    """Services that have no image and get none.

    Compose would name one of them, by chance, and not the word that is wrong.
    """
    for name, service in services.items():
        names = service_roles(service)
        if MADE_FROM & set(service) or image_target(names):
            continue
        wrong = list(label_faults(",".join(names))) if names else []
        for reason, hint in wrong:
            yield ("services", name, "labels", LABEL), reason, hint
        if not wrong:
            known = ", ".join([*(r.name for r in ROLES if r.target), *map(",".join, SHARED_IMAGES)])
            reason = "neither an image nor a role that the lab has an image for"
            hint = f"image: …, or a label {LABEL} ({known}), or the file that this one changes"
            yield ("services", name), reason, hint


@dataclass(slots=True)
class _Overlay:
    """Collects what the files lack."""

    found: Sections
    root: Path
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)

    def complete(self) -> None:
        """Complete the services that say their role alone."""
        self.addresses.update(self.found.addresses)
        for name, service in self.found.services.items():
            names = service_roles(service)
            if not MADE_FROM & set(service) and image_target(names):
                self.add(name, service, names)

    def add_nodes(self, count: int) -> None:
        """Add nodes until there are `count`, each like those that are there."""
        present = sum("node" in service_roles(one) for one in self.found.services.values())
        names = (f"{NODES}{number}" for number in range(1, MOST_NODES + present + 1))
        free = (name for name in names if name not in self.found.services)
        for _ in range(count - present):
            self.add(next(free), {}, ("node",), labels={LABEL: "node"})

    def add(self, name: str, service: Service, names: tuple[str, ...], **more: Any) -> None:
        """Add a host: what its service lacks, and its volume as the service init sees it."""
        self.services[name] = {**more, **self.missing(name, service, names)}
        self.volumes[name] = {}
        shares = [f"{name}:{SHARES}/{role}/{name}" for role in names]
        self.init.setdefault("volumes", []).extend(shares)
        for command in (role.ready for role in roles_of(names) if role.ready):
            self.wait_for(name, self.services[name]["image"], command)

    @property
    def init(self) -> dict[str, Any]:
        """The overlay's part of the service that makes the keys; a whole one if no file has it."""
        if self.found.init:
            return self.services.setdefault(self.found.init, {})
        if INIT not in self.services:
            self.services[INIT] = {
                **built("tools", self.root),
                "labels": {LABEL: INIT},
                "network_mode": "none",
                "init": True,
                "command": ["python3", "/opt/hublab/init.py"],
                "environment": {"HUBLAB_USERS": USERS},
            }
        return self.services[INIT]

    def wait_for(self, name: str, image: str, command: tuple[str, ...]) -> None:
        """Have the hub start only once another host answers."""
        waiting = f"{name}-ready"
        self.services[waiting] = {
            "image": image,
            "depends_on": [name],
            "network_mode": f"service:{name}",
            "init": True,
            "command": list(command),
        }
        for hub, service in self.found.services.items():
            if "hub" in service_roles(service):
                after = self.services.setdefault(hub, {}).setdefault("depends_on", {})
                after[waiting] = {"condition": COMPLETED}

    def missing(self, name: str, service: Service, names: tuple[str, ...]) -> dict[str, Any]:
        """What a host lacks; no address where the file puts it on networks of its own choice."""
        rows = roles_of(names)
        after = {self.found.init or INIT: {"condition": COMPLETED}}
        usual: dict[str, Any] = {
            **built(str(image_target(names)), self.root),
            "hostname": name,
            "depends_on": {**after, **self.services.get(name, {}).get("depends_on", {})},
            "stop_grace_period": "5s",
            "volumes": [f"{name}:{ETC}"],
            "ports": [role.published.mapping for role in rows if role.published],
            **{key: value for role in rows for key, value in role.service.items()},
        }
        if "networks" not in service:
            aliases = [alias for role in rows for alias in role.aliases if alias != name]
            joined = {"ipv4_address": self.address(rows[0].first_address)}
            usual["networks"] = {NETWORK: joined | ({"aliases": aliases} if aliases else {})}
        return {k: v for k, v in usual.items() if v and (k in MERGED or k not in service)}

    def address(self, first: int) -> str:
        """The next free address from `first` on, as a Compose file writes it."""
        numbers = iter(range(first, 255))
        address = next(a for n in numbers if (a := f"{SUBNET}.{n}") not in self.addresses)
        self.addresses.add(address)
        return address

    def text(self) -> str:
        """The overlay as YAML; empty where nothing was added."""
        if not self.services:
            return ""
        overlay: dict[str, Any] = {"services": self.services, "volumes": self.volumes}
        if NETWORK not in self.found.networks:
            overlay["networks"] = {NETWORK: {"ipam": {"config": [{"subnet": f"{SUBNET}.0/24"}]}}}
        if SECRET not in self.found.secrets:
            overlay["secrets"] = {SECRET: {"file": CA}}
        return yaml.safe_dump(overlay, sort_keys=False)


def built(target: str, root: Path) -> dict[str, Any]:
    """The image of a target, and how it is built."""
    return {
        "image": f"hublab-{target}:{TAG}",
        "build": {
            "context": str(root),
            "dockerfile": "compose/images/Dockerfile",
            "target": target,
            "args": {"BASE": BASE},
            "secrets": [SECRET],
        },
    }
