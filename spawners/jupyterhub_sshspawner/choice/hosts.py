"""The machines that servers may run on, as an administrator writes them down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import Misconfigured


@dataclass(frozen=True)
class Host:
    """One allowed host. Empty values mean: as the spawner's trait of that name says."""

    name: str
    address: str = ""
    port: int = 22
    username: str = ""
    connect_address: str = ""
    host_key_alias: str = ""
    gss_host: str = ""
    jump_hosts: tuple[str, ...] | None = None
    cmd: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    prologue: str = ""
    max_servers: int = 0

    @property
    def ssh_address(self) -> str:
        """Where its sshd is asked for."""
        return self.address or self.name

    @property
    def key_name(self) -> str:
        """The name under which known_hosts knows it, also when we connect by address."""
        return self.host_key_alias or self.ssh_address


_TYPES: dict[str, type | tuple[type, ...]] = {
    "port": int,
    "max_servers": int,
    "environment": dict,
    "jump_hosts": (list, tuple),
    "cmd": (list, tuple),
}
_NAMES = {item.name for item in fields(Host)}


def parse_host(entry: str | dict[str, Any]) -> Host:
    """A host from a name or an entry; unknown keys are errors, not silence (sshspawner#23)."""
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, dict):
        raise Misconfigured(f"SSHSpawner.hosts: an entry is a name or a dict, not {entry!r}")
    unknown = set(entry) - _NAMES
    if unknown:
        raise Misconfigured(
            f"SSHSpawner.hosts: unknown {', '.join(sorted(map(str, unknown)))}; "
            f"known are {', '.join(sorted(_NAMES))}"
        )
    for key, value in entry.items():
        wanted = _TYPES.get(key, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise Misconfigured(f"SSHSpawner.hosts: {key} cannot be {value!r}")
    if not entry.get("name"):
        raise Misconfigured(f"SSHSpawner.hosts: an entry needs a name: {entry!r}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    host = Host(**values)
    if not 0 < host.port < 65536:
        raise Misconfigured(f"SSHSpawner.hosts: {host.name} has no possible port: {host.port}")
    return host


def parse_hosts(entries: Iterable[str | dict[str, Any]]) -> dict[str, Host]:
    """All allowed hosts by name, in the order given."""
    hosts: dict[str, Host] = {}
    for entry in entries:
        host = parse_host(entry)
        if host.name in hosts:
            raise Misconfigured(f"SSHSpawner.hosts: {host.name} is named twice")
        hosts[host.name] = host
    if not hosts:
        raise Misconfigured("SSHSpawner.hosts is empty: name at least one host")
    return hosts
