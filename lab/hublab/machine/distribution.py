"""This machine's distribution, and whether hublab can install packages on it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hublab.errors import MachineError

SYSTEMD = Path("/run/systemd/system")
"""The folder that exists if and only if systemd is PID 1 (sd_booted(3))."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """The facts of an operating system on which installing packages depends."""

    id: str
    version: tuple[int, ...]
    codename: str
    name: str
    architecture: str
    systemd: bool
    root: bool

    @property
    def is_debian(self) -> bool:
        return self.id == "debian"

    @property
    def is_ubuntu(self) -> bool:
        return self.id == "ubuntu"

    @property
    def is_known(self) -> bool:
        """Whether hublab knows the packages that it needs on this distribution."""
        return (self.is_debian and self.version >= (12,)) or (
            self.is_ubuntu and self.version >= (24, 4)
        )

    def check_preparable(self) -> None:
        """Raise MachineError, with what to do instead, if hublab cannot install packages here."""
        if not self.is_known:
            raise MachineError(
                f"hublab cannot prepare {self.name}: it knows the packages of Debian 12 and 13 "
                "and of Ubuntu 24.04",
                hint="install a Docker engine, Docker Compose >= 2.20 and buildx yourself, "
                "or set DOCKER_HOST",
            )
        if not self.root:
            raise MachineError("only root can install what is missing", hint="run it as root")


def describe(
    release: Mapping[str, str], *, architecture: str, systemd: bool, root: bool
) -> Distribution:
    """A distribution from the fields of its os-release file.

    Debian testing has no VERSION_ID: it counts as newer than every release.
    """
    number = release.get("VERSION_ID", "")
    return Distribution(
        id=release.get("ID", "linux"),
        version=tuple(int(part) for part in number.split(".") if part.isdigit()) or (9999,),
        codename=release.get("VERSION_CODENAME", ""),
        name=release.get("PRETTY_NAME", release.get("NAME", "this system")),
        architecture=architecture,
        systemd=systemd,
        root=root,
    )


def this_machine() -> Distribution:
    """The distribution that this process runs on."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {"NAME": platform.system()}
    return describe(
        release,
        architecture=platform.machine(),
        systemd=SYSTEMD.is_dir(),
        root=os.geteuid() == 0,
    )
