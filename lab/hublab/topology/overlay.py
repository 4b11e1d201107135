"""The Compose overlay that completes a topology: hosts with image, address, keys and port."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hublab.paths import ETC, SHARES
from hublab.roles import INIT, LABEL, image_target, roles_of
from hublab.topology.problems import RawProblem
from hublab.topology.sections import Sections, Service, service_roles

USERS = "${HUBLAB_USERS:-}"
"""Empty for the default users, which compose/images/tools/init.py names."""
BASE = "${HUBLAB_BASE:-debian:trixie-slim}"
TAG = "${HUBLAB_TAG:-dev}"
OWN_SUBNET = "${HUBLAB_SUBNET:-198.18.0}.0/24"
CA = "${HUBLAB_CA:-/etc/ssl/certs/ca-certificates.crt}"
NETWORK = "lab"
SECRET = "ca"
NODE_PREFIX = "node"
"""Added nodes are named node1, node2 and so on."""
MERGED = ("depends_on", "volumes")
"""Compose merges these with the file's own; any other default applies only if the file lacks it."""
COMPLETED = "service_completed_successfully"
"""Compose's condition for a service that waits for another one to end with success."""


@dataclass(slots=True)
class Overlay:
    """Collects what the files do not set."""

    found: Sections
    root: Path
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[RawProblem] = field(default_factory=list)
    """Hosts for which there is no address."""
    used: set[str] = field(init=False)
    network: str = field(init=False)
    """The network that hosts join: the lab's own, or the hub's where the files have others."""
    init_name: str = field(init=False)

    def __post_init__(self) -> None:
        """Decide where hosts go, and how the service init is called."""
        self.used = set(self.found.addresses)
        hub = self.found.hub_networks
        self.network = NETWORK if NETWORK in hub or not hub else hub[0]
        self.init_name = self.found.init or self.free_name(INIT)

    def free_name(self, name: str) -> str:
        """The name, or the first with a number behind it that no service of the files has."""
        names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(2)))
        return next(one for one in names if one not in self.found.services)

    def add_nodes(self, count: int) -> None:
        """Add nodes until there are `count`, each with the defaults of the role."""
        present = sum("node" in service_roles(one) for one in self.found.services.values())
        names = (f"{NODE_PREFIX}{number}" for number in itertools.count(1))
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
            return self.services.setdefault(self.init_name, {})
        if self.init_name not in self.services:
            self.services[self.init_name] = {
                **image_and_build("tools", self.root),
                "labels": {LABEL: INIT},
                "network_mode": "none",
                "init": True,
                "command": ["python3", "/opt/hublab/init.py"],
                "environment": {"HUBLAB_USERS": USERS},
            }
        return self.services[self.init_name]

    def wait_for(self, name: str, image: str, command: tuple[str, ...]) -> None:
        """Make the hub start only after another host answers."""
        waiting = self.free_name(f"{name}-ready")
        self.services[waiting] = {
            "image": image,
            "depends_on": {name: {"condition": "service_started"}},
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
        after = {self.init_name: {"condition": COMPLETED}}
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
            joined: dict[str, Any] = {"ipv4_address": self.address(name, rows[0].first_address)}
            defaults["networks"] = {self.network: joined}
            if aliases:
                joined["aliases"] = aliases
        return {k: v for k, v in defaults.items() if v and (k in MERGED or k not in service)}

    def address(self, name: str, first: int) -> str:
        """The next free address from `first` on, as a Compose file writes it.

        Notes a problem if there is none: the network has no /24, or no address is left in it.
        """
        subnet = self.found.subnet(self.network) or (OWN_SUBNET if self.owns_network else "")
        prefix = subnet.removesuffix(".0/24")
        addresses = (f"{prefix}.{number}" for number in range(first, 255))
        free = next((one for one in addresses if one not in self.used), "")
        if prefix == subnet or not free:
            reason = f"no address is left for this host in the network {self.network}"
            hint = "an address of its own, in a network whose ipam.config[0].subnet is a /24"
            path = ("services", name) if name in self.found.services else ("networks", self.network)
            self.problems.append((path, reason, hint))
        self.used.add(free)
        return free

    @property
    def owns_network(self) -> bool:
        """Whether the overlay gives the network its subnet, because no file does."""
        return self.network == NETWORK and self.found.subnet(NETWORK) is None

    def text(self) -> str:
        """The overlay as YAML; empty where nothing was added."""
        if not self.services:
            return ""
        overlay: dict[str, Any] = {"services": self.services, "volumes": self.volumes}
        if self.owns_network:
            overlay["networks"] = {NETWORK: {"ipam": {"config": [{"subnet": OWN_SUBNET}]}}}
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
