"""The addresses of a topology's hosts: one each, on subnets that are a lab's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from hublab.addresses import LOOPBACK
from hublab.topology.positions import YamlPath
from hublab.topology.problems import Fault


def address_faults(
    hosts: Mapping[str, Mapping[str, str]], subnets: Mapping[str, IPv4Network]
) -> Iterator[Fault]:
    """Addresses that no host can have; `hosts` gives each one's addresses, by network."""
    in_use: dict[IPv4Address, str] = {}
    for name, addresses in hosts.items():
        for network, text in addresses.items():
            path: YamlPath = ("services", name, "networks", network, "ipv4_address")
            if reason := address_problem(text, subnets.get(network), in_use):
                yield path, reason, None if text else "an address of its network's subnet"
            else:
                in_use[IPv4Address(text)] = name


def address_problem(
    text: str, subnet: IPv4Network | None, in_use: Mapping[IPv4Address, str]
) -> str | None:
    """Why a host cannot have an address; None: it can."""
    if not text:
        return "a host needs a fixed address: ipv4_address is missing"
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return f"{text!r} is not an IPv4 address"
    if address in in_use:
        return f"{address} is already the address of {in_use[address]}"
    if subnet is None:
        return None  # reported where the network is defined
    if address not in subnet:
        return f"{address} is outside its network's subnet {subnet}"
    if address in (subnet.network_address, subnet.network_address + 1, subnet.broadcast_address):
        return f"{address} is reserved in {subnet} (the network, its gateway or its broadcast)"
    return None


def port_faults(services: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """Ports that others than this machine could reach."""
    for name, service in services.items():
        for port in service.get("ports") or []:
            if port.get("host_ip") != LOOPBACK:
                target = str(port.get("target", ""))
                bound = port.get("host_ip") or "every address"
                reason = f"port {target} is published on {bound} of this machine"
                hint = f"{LOOPBACK}:{port.get('published') or ''}:{target}"
                yield ("services", name, "ports", target), reason, hint
