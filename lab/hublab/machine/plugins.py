"""Docker's client, Compose v2 and buildx: uses those that answer, and installs the others.

Debian 12 has Compose 1 and no buildx. The plugins of Debian 13 need only a C library that Debian 12
has too. So on Debian 12 the plugins are copied out of those packages, which are not installed.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from hublab.engine.compose import buildx_version, compose_version
from hublab.errors import MachineError
from hublab.guard.folder import temporary_folder
from hublab.machine import apt
from hublab.machine.commands import run
from hublab.machine.distribution import Distribution
from hublab.progress import Progress

FOLDER = Path("/usr/local/lib/docker/cli-plugins")
DONOR = "trixie"
NEEDED_LIBC = (2, 34)
NEEDED_COMPOSE = (2, 20)
NEEDED_BUILDX = (0, 8)


@dataclass(frozen=True, slots=True)
class Tools:
    """The versions of the client's parts, None for a missing one."""

    docker: bool
    compose: str | None
    buildx: str | None

    def missing(self) -> list[str]:
        """The plugins that are missing or too old."""
        return [
            name
            for name, version, needed in (
                ("docker-compose", self.compose, NEEDED_COMPOSE),
                ("docker-buildx", self.buildx, NEEDED_BUILDX),
            )
            if not is_enough(version, needed)
        ]


def find() -> Tools:
    """The versions that the docker command and its plugins report."""
    if shutil.which("docker") is None:
        return Tools(False, None, None)
    return Tools(True, compose_version(), buildx_version())


def is_enough(version: str | None, needed: tuple[int, ...]) -> bool:
    """Whether a version is at least the required one; `v2.26.1-4` counts as 2.26.1."""
    return version is not None and numbers(version) >= needed


def numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def client_package(machine: Distribution) -> str:
    """The package with the docker command."""
    return "docker-cli" if machine.is_debian and machine.version >= (13,) else "docker.io"


def distribution_packages(machine: Distribution, plugins: list[str]) -> list[str] | None:
    """This distribution's packages of the plugins, None if it has none that is new enough."""
    if machine.is_ubuntu:
        names = {"docker-compose": "docker-compose-v2", "docker-buildx": "docker-buildx"}
        return [names[plugin] for plugin in plugins]
    if machine.is_debian and machine.version >= (13,):
        return list(plugins)
    return None


def install(machine: Distribution, plugins: list[str], progress: Progress) -> None:
    """Install plugins from this distribution if it has them, else copy those of Debian 13."""
    own = distribution_packages(machine, plugins)
    if own is not None:
        apt.install(own, progress)
        return
    check_libc(libc_version())
    with temporary_folder("plugins") as folder:
        for package in apt.download(plugins, DONOR, folder, machine, progress):
            unpacked = folder / package.stem
            run(
                ["dpkg-deb", "--extract", str(package), str(unpacked)],
                f"unpack {package.name}",
                progress,
            )
            copy_plugins(unpacked, FOLDER)


def copy_plugins(unpacked: Path, folder: Path) -> list[Path]:
    """Copy the plugins of an unpacked package; replaces the file of a plugin that is in use."""
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for plugin in sorted(unpacked.glob("usr/lib*/docker/cli-plugins/docker-*")):
        new = folder / f".{plugin.name}.new"
        shutil.copyfile(plugin, new)
        new.chmod(0o755)
        new.replace(folder / plugin.name)
        copied.append(folder / plugin.name)
    if not copied:
        raise MachineError(f"no plugin of docker in {unpacked.name}")
    return copied


def libc_version() -> str:
    """The C library's own name and version; empty if it is not glibc."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        return ""


def check_libc(version: str) -> None:
    """Raise MachineError if Debian 13's plugins cannot run with this C library."""
    name, _, number = version.partition(" ")
    if name != "glibc" or numbers(number) < NEEDED_LIBC:
        raise MachineError(
            f"Debian 13's docker plugins need glibc >= 2.34, this machine has {version or 'none'}",
            hint="install Docker Compose >= 2.20 and buildx yourself",
        )


def install_commands(machine: Distribution, plugins: list[str]) -> list[str]:
    """The shell commands that `install` would run."""
    own = distribution_packages(machine, plugins)
    if own is not None:
        return [" ".join(argv) for argv in apt.install_commands(own)]
    keyring = [] if apt.debian_keyring() else [["debian-archive-keyring"]]
    return [
        *(" ".join(argv) for package in keyring for argv in apt.install_commands(package)),
        f"apt-get download {' '.join(plugins)}"
        f"   # of {DONOR}, signature-checked, in an apt root of its own",
        *(
            f"dpkg-deb --extract {plugin}_*.deb . && install usr/lib*/docker/cli-plugins/"
            f"{plugin} {FOLDER}/"
            for plugin in plugins
        ),
    ]
