"""The overlay that completes Compose files with hublab's defaults.

A service that has a role and no image gets what such a host has in the project's own topology:
image, address, volume, published port. If no service has the role init, one is added. What a file
sets itself is kept. The result is a Compose file, so that Compose does the merging.
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
from hublab.topology.labels import label_problems
from hublab.topology.positions import Sources
from hublab.topology.problems import Problem, RawProblem, TopologyErrors
from hublab.topology.sections import Sections, Service, read_sections, service_roles

USERS = "${HUBLAB_USERS:-}"
"""Empty for the default users, which compose/images/tools/init.py names."""
BASE = "${HUBLAB_BASE:-debian:trixie-slim}"
TAG = "${HUBLAB_TAG:-dev}"
SUBNET = "${HUBLAB_SUBNET:-198.18.0}"
CA = "${HUBLAB_CA:-/etc/ssl/certs/ca-certificates.crt}"
NETWORK = "lab"
SECRET = "ca"
NODE_PREFIX = "node"
"""Added nodes are named node1, node2 and so on."""
IMAGE_KEYS = frozenset({"image", "build", "extends"})
"""A service with one of these has an image."""
MERGED = ("depends_on", "volumes")
"""Compose merges these with the file's own; any other default applies only if the file lacks it."""
FEWEST_NODES, MOST_NODES = 2, 128
"""The range of `--nodes`; compose/lab.yaml itself has two nodes."""
COMPLETED = "service_completed_successfully"
"""Compose's condition for a service that waits for another one to end with success."""


def overlay_text(files: Sequence[Path], root: Path, nodes: int | None = None) -> str:
    """The overlay that completes the files, empty where nothing is missing. Writes nothing.

    `root` is the project's folder, from which images are built; `nodes` is the number of nodes
    that the topology shall have. Raises TopologyErrors, with file and line, for services that
    have no image and get none.
    """
    found = read_sections(files)
    if problems := list(services_without_image(found.services)):
        sources = Sources(files)
        raise TopologyErrors(Problem.at(sources, *problem) for problem in problems)
    overlay = _Overlay(found, root)
    overlay.complete()
    overlay.add_nodes(nodes or 0)
    return overlay.text()


def services_without_image(services: Mapping[str, Service]) -> Iterator[RawProblem]:
    """The services that have no image and get none.

    Compose would report a random one of them, and not the role that is misspelt.
    """
    for name, service in services.items():
        names = service_roles(service)
        if IMAGE_KEYS & set(service) or image_target(names):
            continue
        wrong = list(label_problems(",".join(names))) if names else []
        for reason, hint in wrong:
            yield ("services", name, "labels", LABEL), reason, hint
        if not wrong:
            known = ", ".join([*(r.name for r in ROLES if r.target), *map(",".join, SHARED_IMAGES)])
            reason = "neither an image nor a role that hublab has an image for"
            hint = f"image: …, or a label {LABEL} ({known}), or first the file that it overlays"
            yield ("services", name), reason, hint


@dataclass(slots=True)
class _Overlay:
    """Collects what the files do not set."""

    found: Sections
    root: Path
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)

    def complete(self) -> None:
        """Complete the services that have a role and no image."""
        self.addresses.update(self.found.addresses)
        for name, service in self.found.services.items():
            names = service_roles(service)
            if not IMAGE_KEYS & set(service) and image_target(names):
                self.add(name, service, names)

    def add_nodes(self, count: int) -> None:
        """Add nodes until there are `count`, each with the defaults of the role."""
        present = sum("node" in service_roles(one) for one in self.found.services.values())
        names = (f"{NODE_PREFIX}{number}" for number in range(1, MOST_NODES + present + 1))
        free = (name for name in names if name not in self.found.services)
        for _ in range(count - present):
            self.add(next(free), {}, ("node",), labels={LABEL: "node"})

    def add(self, name: str, service: Service, names: tuple[str, ...], **more: Any) -> None:
        """Add a host: what its service lacks, and its volume, which init mounts too."""
        self.services[name] = {**more, **self.missing(name, service, names)}
        self.volumes[name] = {}
        shares = [f"{name}:{SHARES}/{role}/{name}" for role in names]
        self.init.setdefault("volumes", []).extend(shares)
        for command in (role.ready for role in roles_of(names) if role.ready):
            self.wait_for(name, self.services[name]["image"], command)

    @property
    def init(self) -> dict[str, Any]:
        """The overlay's entry for the init service; a complete one if no file has it."""
        if self.found.init:
            return self.services.setdefault(self.found.init, {})
        if INIT not in self.services:
            self.services[INIT] = {
                **image_and_build("tools", self.root),
                "labels": {LABEL: INIT},
                "network_mode": "none",
                "init": True,
                "command": ["python3", "/opt/hublab/init.py"],
                "environment": {"HUBLAB_USERS": USERS},
            }
        return self.services[INIT]

    def wait_for(self, name: str, image: str, command: tuple[str, ...]) -> None:
        """Make the hub start only after another host answers."""
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
        """What a host's service lacks; no address if the file sets its networks."""
        rows = roles_of(names)
        after = {self.found.init or INIT: {"condition": COMPLETED}}
        defaults: dict[str, Any] = {
            **image_and_build(str(image_target(names)), self.root),
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
            defaults["networks"] = {NETWORK: joined | ({"aliases": aliases} if aliases else {})}
        return {k: v for k, v in defaults.items() if v and (k in MERGED or k not in service)}

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


def image_and_build(target: str, root: Path) -> dict[str, Any]:
    """The image of a target, with its build instructions."""
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
