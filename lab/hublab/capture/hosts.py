"""The hosts of a lab by their addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from hublab.capture.seen import End
from hublab.engine import Container


class Hosts:
    """Which host an address belongs to, as seen on a host: a loopback address is its own."""

    def __init__(self, hosts: Iterable[Container]) -> None:
        known = list(hosts)
        self.roles: Mapping[str, tuple[str, ...]] = {host.service: host.roles for host in known}
        self._names = {address: host.service for host in known for address in host.addresses}

    def name(self, end: End, seen_on: str) -> str:
        """The host's name; an address that no host of the lab has stays an address."""
        if ipaddress.ip_address(end.address).is_loopback:
            return seen_on
        return self._names.get(end.address, end.address)

    def of(self, name: str) -> tuple[str, ...]:
        """The roles of a host, none of an address that is no host's."""
        return self.roles.get(name, ())
