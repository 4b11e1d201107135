"""The hosts of a lab as a topology describes them: roles, addresses, networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hublab import roles


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
        return roles.split_label(self.role)


@dataclass(frozen=True, slots=True)
class Topology:
    """The hosts of a lab and what goes with them; made by `read_topology`."""

    hosts: tuple[Host, ...]
    """In the order of the table of roles, then of their names; Compose keeps no order."""
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
