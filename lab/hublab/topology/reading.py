"""What a lab is made from: the hosts that Compose files describe, with a role and an address each.

The label `hublab.role` of a service says what its host is for. A service that shares another's
network (`network_mode: service:…`) is a sidecar and needs no role. Pure: this reads what
`docker compose config --format json` printed, and gathers everything that is wrong with it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

from hublab.errors import TopologyError
from hublab.topology.addresses import address_faults, port_faults
from hublab.topology.isolation import isolation_faults
from hublab.topology.labels import (
    HOST_ROLES,
    INIT_ROLE,
    ROLE_LABEL,
    label_faults,
    role_faults,
    roles_of,
    share_faults,
)
from hublab.topology.positions import Position, Sources, YamlPath
from hublab.topology.subnets import LAB_NETWORK

_SIDECAR = "sidecar"

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Host:
    """One container with an address of its own; `address` is the one in its first network."""

    name: str
    role: str
    """As its label says it; see `roles`."""
    address: str
    service: str
    image: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Network (its name in the Compose file) to address, the first network first."""

    @property
    def roles(self) -> tuple[str, ...]:
        """What it is for; a host may be hub and proxy at once."""
        return roles_of(self.role)


@dataclass(frozen=True, slots=True)
class Topology:
    """The hosts of a lab and what goes with them; made by `read_topology`."""

    project: str
    hosts: tuple[Host, ...]
    """In the order of `HOST_ROLES`, then of their names; Compose keeps no order of its own."""
    subnets: Mapping[str, str]
    """Network (its name in the Compose file) to subnet."""
    inits: tuple[str, ...] = ()
    """Services that run once, before the hosts."""
    sidecars: tuple[str, ...] = ()
    """Services that share a host's network."""

    def by_role(self, role: str) -> tuple[Host, ...]:
        """All hosts of one role, in the order of their names."""
        return tuple(host for host in self.hosts if role in host.roles)

    @property
    def hub(self) -> Host:
        """The one hub."""
        return self.by_role("hub")[0]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, on which path in the file, why, and a hint."""

    position: Position | None
    path: str
    reason: str
    hint: str | None = None

    @classmethod
    def at(cls, sources: Sources, path: YamlPath, reason: str, hint: str | None = None) -> Problem:
        """A problem where a path stands in the files."""
        return cls(sources.position(path), ".".join(path), reason, hint)

    def __str__(self) -> str:
        at = f"{self.position}: " if self.position else ""
        return f"{at}{self.path}: {self.reason}" + (f"; hint: {self.hint}" if self.hint else "")


class TopologyErrors(TopologyError):
    """Everything that is wrong with the Compose files, in the order of the files' lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Gather the problems into one message, a line each."""
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


def _place(problem: Problem) -> tuple[str, int]:
    at = problem.position
    return (str(at.file), at.line) if at else ("", 0)


def read_topology(config: Config, files: Sequence[Path]) -> Topology:
    """Read the parsed output of `docker compose config --format json`.

    `files` are the Compose files that it came from, for the positions in messages. Raises
    TopologyErrors with everything that is wrong, TopologyError for a file that cannot be read.
    """
    return _Reader(config, Sources(files)).read()


class _Reader:
    """Walks the configuration once; what is wrong is noted and the walk goes on."""

    def __init__(self, config: Config, sources: Sources) -> None:
        self.services: Mapping[str, Config] = config.get("services") or {}
        self.config = config
        self.networks: Mapping[str, Config] = config.get("networks") or {}
        self.project = str(config.get("name", ""))
        self.sources = sources
        self.problems: list[Problem] = []

    def read(self) -> Topology:
        roles = {name: self.role(name, service) for name, service in self.services.items()}
        others = (None, INIT_ROLE, _SIDECAR)
        # With an unknown role too: its address may be wrong as well.
        hosts = [self.host(name, role) for name, role in roles.items() if role not in others]
        named = {host.name: host.roles for host in hosts}
        subnets = self.subnets()
        addresses = {host.name: host.addresses for host in hosts}
        for path, reason, hint in (
            *role_faults(named),
            *share_faults(self.services, named),
            *address_faults(addresses, subnets),
            *port_faults(self.services),
            *isolation_faults(self.config),
        ):
            self.wrong(path, reason, hint)
        if self.problems:
            raise TopologyErrors(self.problems)
        return Topology(
            project=self.project,
            hosts=tuple(sorted(hosts, key=lambda one: (HOST_ROLES.index(one.roles[0]), one.name))),
            subnets={name: str(subnet) for name, subnet in subnets.items()},
            inits=tuple(name for name, role in roles.items() if role == INIT_ROLE),
            sidecars=tuple(name for name, role in roles.items() if role == _SIDECAR),
        )

    def wrong(self, path: YamlPath, reason: str, hint: str | None = None) -> None:
        self.problems.append(Problem.at(self.sources, path, reason, hint))

    def role(self, name: str, service: Config) -> str | None:
        labels: Mapping[str, str] = service.get("labels") or {}
        role = labels.get(ROLE_LABEL)
        if role is None:
            if _shares_a_network(service):
                return _SIDECAR
            near = difflib.get_close_matches(ROLE_LABEL, labels, n=1, cutoff=0.8)
            path = ("services", name, "labels", near[0]) if near else ("services", name)
            hint = f"a label {ROLE_LABEL}: {', '.join((*HOST_ROLES, INIT_ROLE))}"
            self.wrong(path, "the service has no role", hint)
        elif role != INIT_ROLE:
            for reason, hint in label_faults(role):
                self.wrong(("services", name, "labels", ROLE_LABEL), reason, hint)
        return role

    def host(self, name: str, role: str | None) -> Host:
        service = self.services[name]
        joined: Mapping[str, Config | None] = service.get("networks") or {}
        if not joined:
            self.wrong(("services", name), "a host needs a network with an address of its own")
        # As in Compose: the highest priority, then the first name.
        first = sorted(joined, key=lambda net: (-(joined[net] or {}).get("priority", 0), net))
        addresses = {net: str((joined[net] or {}).get("ipv4_address", "")) for net in first}
        address = next(iter(addresses.values()), "")
        return Host(name, role or "", address, name, str(service.get("image", "")), addresses)

    def subnets(self) -> dict[str, IPv4Network]:
        users: dict[str, list[str]] = {}
        for name, service in self.services.items():
            for network in service.get("networks") or {}:
                users.setdefault(network, []).append(name)
        found = {network: self.subnet(network, names) for network, names in users.items()}
        return {network: subnet for network, subnet in found.items() if subnet}

    def subnet(self, network: str, users: Sequence[str]) -> IPv4Network | None:
        definition = self.networks.get(network) or {}
        path: YamlPath = ("networks", network)
        texts = [c.get("subnet") for c in (definition.get("ipam") or {}).get("config") or []]
        try:
            parsed = [ip_network(text, strict=False) for text in texts if text]
        except ValueError as bad:
            self.wrong((*path, "ipam", "config"), str(bad), "a subnet such as 198.18.0.0/24")
            return None
        subnet = next((one for one in parsed if isinstance(one, IPv4Network)), None)
        hint = f"ipam.config[0].subnet inside {LAB_NETWORK}, which no real network uses"
        if subnet is None:
            self.wrong(path, f"no subnet (the network of {', '.join(users)})", hint)
        elif not subnet.subnet_of(LAB_NETWORK):
            path = (*path, "ipam", "config")
            self.wrong(path, f"the subnet {subnet} is not a lab's", hint)
        return subnet


def _shares_a_network(service: Config) -> bool:
    return str(service.get("network_mode", "")).startswith(("service:", "container:"))
