"""The content of Compose files before Compose merges them, as far as the defaults need it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hublab import roles

Service = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sections:
    """The services, networks and names of secrets that some files define together."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """A later file overrides an earlier one, key by key of a service."""
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    @property
    def init(self) -> str | None:
        """The service that makes the keys; None if no file has one."""
        return next((n for n, s in self.services.items() if roles.INIT in service_roles(s)), None)

    def subnet(self, network: str) -> str | None:
        """The first subnet that the files give a network, as written there."""
        ipam = self.networks.get(network, {}).get("ipam")
        configs = ipam.get("config") if isinstance(ipam, dict) else None
        texts = (one.get("subnet") for one in configs or [] if isinstance(one, dict))
        return next((str(text) for text in texts if text), None)

    @property
    def hub_networks(self) -> list[str]:
        """The networks that the hub's service joins, in the order of their names."""
        joined: set[str] = set()
        for service in self.services.values():
            if "hub" in service_roles(service):
                joined.update(map(str, service.get("networks") or ()))
        return sorted(joined)

    @property
    def addresses(self) -> frozenset[str]:
        """Every address that the files give a service, as written there."""
        return frozenset(
            str(network["ipv4_address"])
            for service in self.services.values()
            if isinstance(joined := service.get("networks"), dict)
            for network in joined.values()
            if isinstance(network, dict) and "ipv4_address" in network
        )


class _Loader(yaml.SafeLoader):
    """Reads the values of Compose's own tags (!reset, !override) as None."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def read_sections(files: Iterable[Path]) -> Sections:
    """Read the files. An unreadable one counts as empty: Compose reports its problem later."""
    services: dict[str, dict[str, Any]] = {}
    networks: dict[str, dict[str, Any]] = {}
    secrets: set[str] = set()
    for file in files:
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        for name, service in _mapping(content, "services"):
            if isinstance(service, dict):
                services.setdefault(name, {}).update(service)
        for name, network in _mapping(content, "networks"):
            networks.setdefault(name, {}).update(network if isinstance(network, dict) else {})
        secrets.update(name for name, _ in _mapping(content, "secrets"))
    return Sections(services, networks, frozenset(secrets))


def read_services(files: Iterable[Path], key: str) -> dict[str, tuple[Any, Path]]:
    """Service -> the value of a key of its own, and the last file that has it.

    For keys that begin with `x-`, which Compose leaves out. An unreadable file counts as empty.
    """
    found: dict[str, tuple[Any, Path]] = {}
    for file in files:
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        for name, service in _mapping(content, "services"):
            if isinstance(service, dict) and key in service:
                found[name] = service[key], file
    return found


def _mapping(content: Any, section: str) -> Iterator[tuple[str, Any]]:
    entries = content.get(section) if isinstance(content, dict) else None
    yield from ((str(k), v) for k, v in (entries if isinstance(entries, dict) else {}).items())


def service_roles(service: Service) -> tuple[str, ...]:
    """The roles that a service's label names, from labels written as a list or a mapping."""
    labels = service.get("labels") or {}
    if isinstance(labels, list):
        labels = dict(str(label).partition("=")[::2] for label in labels)
    if not isinstance(labels, dict):
        return ()
    return roles.split_label(str(labels.get(roles.LABEL, "")))
