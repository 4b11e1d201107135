"""Reads a topology from Compose files: its hosts, with a role and an address each.

The label `hublab.role` of a service names the role of its host. A service that shares the network
of another one (`network_mode: service:…`) is a sidecar and needs no role. Pure: the input is the
output of `docker compose config --format json`, and all its problems are reported together.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

from hublab import roles
from hublab.addresses import LAB_NETWORK
from hublab.topology.addresses import address_problems, port_problems
from hublab.topology.isolation import isolation_problems
from hublab.topology.labels import label_problems, role_problems, share_problems
from hublab.topology.model import Host, Topology
from hublab.topology.positions import Sources, YamlPath
from hublab.topology.problems import Problem, TopologyErrors
from hublab.topology.startable import start_problems

_SIDECAR = "sidecar"

Config = Mapping[str, Any]


def read_topology(config: Config, files: Sequence[Path]) -> Topology:
    """Read the parsed output of `docker compose config --format json`.

    `files` are the Compose files that were read, for the positions in messages. Raises
    TopologyErrors with all problems, TopologyError for a file that cannot be read.
    """
    return _Reader(config, Sources(files)).read()


def service_problems(config: Config, files: Sequence[Path]) -> list[Problem]:
    """What no service may do and none can start with, whatever else the files lack."""
    sources = Sources(files)
    raw = (*isolation_problems(config), *start_problems(config))
    return [Problem.at(sources, *one) for one in raw]


class _Reader:
    """Walks the configuration once and collects problems instead of stopping at the first."""

    def __init__(self, config: Config, sources: Sources) -> None:
        self.services: Mapping[str, Config] = config.get("services") or {}
        self.config = config
        self.networks: Mapping[str, Config] = config.get("networks") or {}
        self.sources = sources
        self.problems: list[Problem] = []

    def read(self) -> Topology:
        found = {name: self.role(name, service) for name, service in self.services.items()}
        others = (None, roles.INIT, _SIDECAR)
        # Hosts with an unknown role are checked too: their addresses may also be wrong.
        hosts = [self.host(name, role) for name, role in found.items() if role not in others]
        named = {host.name: host.roles for host in hosts}
        subnets = self.subnets()
        addresses = {host.name: host.addresses for host in hosts}
        for path, reason, hint in (
            *role_problems(named),
            *share_problems(self.services, named),
            *address_problems(addresses, subnets),
            *port_problems(self.services),
            *isolation_problems(self.config),
            *start_problems(self.config),
        ):
            self.add_problem(path, reason, hint)
        if self.problems:
            raise TopologyErrors(self.problems)
        return Topology(
            hosts=tuple(sorted(hosts, key=lambda one: (roles.NAMES.index(one.roles[0]), one.name))),
            subnets={name: str(subnet) for name, subnet in subnets.items()},
            inits=tuple(name for name, role in found.items() if role == roles.INIT),
            sidecars=tuple(name for name, role in found.items() if role == _SIDECAR),
        )

    def add_problem(self, path: YamlPath, reason: str, hint: str | None = None) -> None:
        self.problems.append(Problem.at(self.sources, path, reason, hint))

    def role(self, name: str, service: Config) -> str | None:
        labels: Mapping[str, str] = service.get("labels") or {}
        role = labels.get(roles.LABEL)
        if role is None:
            if _shares_a_network(service):
                return _SIDECAR
            near = difflib.get_close_matches(roles.LABEL, labels, n=1, cutoff=0.8)
            path = ("services", name, "labels", near[0]) if near else ("services", name)
            hint = f"a label {roles.LABEL}: {', '.join((*roles.NAMES, roles.INIT))}"
            self.add_problem(path, "the service has no role", hint)
        elif role != roles.INIT:
            for reason, hint in label_problems(role):
                self.add_problem(("services", name, "labels", roles.LABEL), reason, hint)
        return role

    def host(self, name: str, role: str | None) -> Host:
        service = self.services[name]
        joined: Mapping[str, Config | None] = service.get("networks") or {}
        if not joined:
            self.add_problem(
                ("services", name), "a host needs a network with an address of its own"
            )
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
            self.add_problem((*path, "ipam", "config"), str(bad), "a subnet such as 198.18.0.0/24")
            return None
        subnet = next((one for one in parsed if isinstance(one, IPv4Network)), None)
        hint = f"ipam.config[0].subnet inside {LAB_NETWORK}, which no real network uses"
        if subnet is None:
            self.add_problem(path, f"no subnet for the fixed addresses of {', '.join(users)}", hint)
        elif not subnet.subnet_of(LAB_NETWORK):
            path = (*path, "ipam", "config")
            self.add_problem(path, f"the subnet {subnet} is outside the range for labs", hint)
        return subnet


def _shares_a_network(service: Config) -> bool:
    return str(service.get("network_mode", "")).startswith(("service:", "container:"))
