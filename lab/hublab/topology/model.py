"""The hosts of a lab as a topology describes them: roles, addresses, networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hublab import roles


@dataclass(frozen=True, slots=True)
class Host:
    """One container with its own address; `address` is the one in its first network."""

    name: str
    role: str
    """The text of its label; see `roles`."""
    address: str
    service: str
    image: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Network (its name in the Compose file) -> address, the first network first."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles in its label; a host may be both hub and proxy."""
        return roles.split_label(self.role)


@dataclass(frozen=True, slots=True)
class Topology:
    """The hosts of a lab with their networks and helper services, as `read_topology` returns it."""

    hosts: tuple[Host, ...]
    """Sorted by the table of roles, then by name, because Compose keeps no order."""
    subnets: Mapping[str, str]
    """Network (its name in the Compose file) -> subnet."""
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
