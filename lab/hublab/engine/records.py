"""Plain records of what the engine reports, and the labels by which labs are found."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hublab import roles

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NETWORK = "com.docker.compose.network"
CONFIG_FILES = "com.docker.compose.project.config_files"
SIDECAR = "hublab.sidecar"
SOURCES, BELOW = "hublab.sources", "hublab.below"
"""Of images with working trees of the software under test (compose/source/Dockerfile)."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a lab in its present state."""

    id: str
    name: str
    service: str
    role: str
    """The text of its label; see `roles`."""
    networks: Mapping[str, str]
    """Network (its name in the Compose file) -> address there; empty if it has no network."""
    state: str
    exit_code: int
    image: str
    ports: Mapping[int, int]
    """Port in the container -> port on this machine's loopback."""
    config_files: str
    sidecar_of: str | None
    sources: tuple[str, ...] = ()
    """The software of which its image has a working tree in place of the release."""
    below: str = ""
    """The image on which such an image was built."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Its roles; a host may be hub and proxy at once."""
        return roles.split_label(self.role)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, one in each network."""
        return tuple(self.networks.values())

    @property
    def address(self) -> str | None:
        """The address in its first network; for a host of a lab, that of the client's network."""
        return next(iter(self.networks.values()), None)

    def seen_from(self, other: Container) -> Container:
        """The same container, with the networks first that it shares with another."""
        shared = {net: ip for net, ip in self.networks.items() if net in other.networks}
        return replace(self, networks={**shared, **self.networks})


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The result of a command in a container."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class File:
    """A file to write into a container."""

    name: str
    content: bytes
    mode: int = 0o644
    uid: int = 0


def container_from(raw: dict[str, Any]) -> Container:
    """The record of a container from the engine's `inspect`."""
    labels = raw["Config"]["Labels"] or {}
    networks = (raw["NetworkSettings"] or {}).get("Networks") or {}
    addresses = {
        network.removeprefix(f"{labels.get(PROJECT)}_"): (entry.get("IPAMConfig") or {}).get(
            "IPv4Address"
        )
        or entry.get("IPAddress")
        for network, entry in sorted(networks.items())
    }
    published = (raw["HostConfig"] or {}).get("PortBindings") or {}
    return Container(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        service=labels.get(SERVICE, ""),
        role=labels.get(roles.LABEL, ""),
        networks={network: address for network, address in addresses.items() if address},
        state=raw["State"]["Status"],
        exit_code=raw["State"]["ExitCode"],
        image=raw["Config"]["Image"],
        ports={
            int(port.partition("/")[0]): int(bindings[0]["HostPort"])
            for port, bindings in published.items()
            if bindings and bindings[0].get("HostPort")
        },
        config_files=labels.get(CONFIG_FILES, ""),
        sidecar_of=labels.get(SIDECAR),
        sources=tuple(filter(None, labels.get(SOURCES, "").split(","))),
        below=labels.get(BELOW, ""),
    )


def tar_of(files: Sequence[File]) -> bytes:
    """A tar archive in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size = len(file.content)
            entry.mode = file.mode
            entry.uid = entry.gid = file.uid
            entry.mtime = int(time.time())
            archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
