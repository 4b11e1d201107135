"""The hosts of a lab by their addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from hublab.capture.seen import End
from hublab.engine import Container


class Hosts:
    """Which host an address belongs to, as seen on a host: a loopback address is its own."""

    def __init__(self, hosts: Iterable[Container]) -> None:
        self.roles: Mapping[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}
        known = list(hosts)
        self.roles = {host.service: host.roles for host in known}
        for host in known:
            self._names |= dict.fromkeys(host.addresses, host.service)

    def name(self, end: End, seen_on: str) -> str:
        """The host's name; an address that no host of the lab has stays an address."""
        if ipaddress.ip_address(end.address).is_loopback:
            return seen_on
        return self._names.get(end.address, end.address)

    def of(self, name: str) -> tuple[str, ...]:
        """The roles of a host, none of an address that is no host's."""
        return self.roles.get(name, ())
