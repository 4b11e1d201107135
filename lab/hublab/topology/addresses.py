"""Checks of a topology's addresses and published ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from hublab.addresses import LOOPBACK
from hublab.topology.positions import YamlPath
from hublab.topology.problems import RawProblem


def address_problems(
    hosts: Mapping[str, Mapping[str, str]], subnets: Mapping[str, IPv4Network]
) -> Iterator[RawProblem]:
    """Addresses that cannot be used; `hosts` gives the addresses of each host, by network."""
    in_use: dict[IPv4Address, str] = {}
    for name, addresses in hosts.items():
        for network, text in addresses.items():
            path: YamlPath = ("services", name, "networks", network, "ipv4_address")
            if reason := why_unusable(text, subnets.get(network), in_use):
                yield path, reason, None if text else "an address of its network's subnet"
            else:
                in_use[IPv4Address(text)] = name


def why_unusable(
    text: str, subnet: IPv4Network | None, in_use: Mapping[IPv4Address, str]
) -> str | None:
    """Why a host cannot use an address; None if it can."""
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


def port_problems(services: Mapping[str, Mapping[str, Any]]) -> Iterator[RawProblem]:
    """Ports that are published beyond this machine's loopback."""
    for name, service in services.items():
        for port in service.get("ports") or []:
            if port.get("host_ip") != LOOPBACK:
                target = str(port.get("target", ""))
                bound = port.get("host_ip") or "every address"
                reason = f"port {target} is published on {bound} of this machine"
                hint = f"{LOOPBACK}:{port.get('published') or ''}:{target}"
                yield ("services", name, "ports", target), reason, hint
