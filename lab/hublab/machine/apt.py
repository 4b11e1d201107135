"""Installs packages into this system, or downloads them from another suite without changing it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from hublab.errors import MachineError
from hublab.guard.folder import temporary_folder
from hublab.machine.commands import output_of, run
from hublab.machine.distribution import Distribution
from hublab.machine.sources import Mirrors, debian_mirror
from hublab.progress import Progress

LISTS = Path("/var/lib/apt/lists")
KEYRINGS = Path("/usr/share/keyrings")
FRESH_SECONDS = 24 * 3600

# Needrestart would restart the machine's services, or ask whether to.
UNATTENDED = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}

# Wait for another apt, such as the one that runs after the start of a cloud machine.
APT = ["apt-get", "--quiet", "--yes", "--option", "DPkg::Lock::Timeout=300"]


def install(packages: Sequence[str], progress: Progress) -> None:
    """Install packages of this distribution, without those that they only recommend.

    Fetches the package lists first if they are missing or a day old, and again if the installation
    fails. Raises MachineError with the end of apt's output.
    """
    if os.geteuid():
        raise MachineError(f"only root can install {', '.join(packages)}", hint="run it as root")
    attempted = f"install {', '.join(packages)}"
    fresh = lists_are_fresh(LISTS, time.time())
    if not fresh:
        update(progress)
    try:
        run(install_command(packages), attempted, progress, environment=UNATTENDED)
    except MachineError:
        if not fresh:
            raise
        update(progress)
        run(install_command(packages), attempted, progress, environment=UNATTENDED)


def install_commands(packages: Sequence[str]) -> list[list[str]]:
    """The commands that `install` would run now."""
    first = [] if lists_are_fresh(LISTS, time.time()) else [[*APT, "update"]]
    return [*first, install_command(packages)]


def install_command(packages: Sequence[str]) -> list[str]:
    return [*APT, "install", "--no-install-recommends", *packages]


def update(progress: Progress) -> None:
    run([*APT, "update"], "fetch the package lists", progress, environment=UNATTENDED)


def lists_are_fresh(lists: Path, now: float) -> bool:
    """Whether the package lists were fetched within a day.

    A list has its time of the server, so this compares the times of their folders.
    """
    with contextlib.suppress(OSError):
        if any("_dists_" in entry.name for entry in lists.iterdir()):
            fetched = max(folder.stat().st_mtime for folder in (lists, lists / "partial"))
            return now - fetched < FRESH_SECONDS
    return False


def is_installed(package: str) -> bool:
    status = output_of(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    return status == "installed"


def debian_keyring(keyrings: Path = KEYRINGS) -> Path | None:
    """The keyring of Debian's archive, None if it is not installed.

    The keyring of the release before is enough: Debian signs a release with that key too.
    """
    names = ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg")
    return next((keyrings / name for name in names if (keyrings / name).is_file()), None)


def ensure_debian_keyring(progress: Progress) -> Path:
    """Debian's keyring, after installing it if it is missing, as on Ubuntu."""
    if found := debian_keyring():
        return found
    install(["debian-archive-keyring"], progress)
    if found := debian_keyring():
        return found
    raise MachineError("the package debian-archive-keyring has no keyring", where=str(KEYRINGS))


def download(
    packages: Sequence[str],
    suite: str,
    folder: Path,
    machine: Distribution,
    progress: Progress,
) -> list[Path]:
    """Download packages of another Debian suite into a folder, without changing the system's apt.

    apt uses a root of its own. It checks the package lists against Debian's keyring, and the
    packages against the lists.
    """
    mirrors = debian_mirror(machine)
    if mirrors is None:
        raise MachineError(
            f"the sources of {machine.name} name no Debian mirror, "
            f"so {', '.join(packages)} of {suite} cannot be fetched",
            where="/etc/apt/sources.list and sources.list.d",
        )
    keyring = ensure_debian_keyring(progress)
    with temporary_folder("apt") as private:
        apt = private_apt(private, Mirrors(mirrors.archive), suite, keyring)
        run([*apt, "update"], f"fetch the package lists of {suite}", progress)
        run(
            [*apt, "download", *packages],
            f"download {', '.join(packages)} of {suite}",
            progress,
            folder=folder,
        )
    return sorted(folder.glob("*.deb"))


def private_apt(root: Path, mirrors: Mirrors, suite: str, keyring: Path) -> list[str]:
    """An apt-get with sources, lists and cache in `root`, and with the host's proxy settings."""
    for name in ("lists/partial", "archives/partial"):
        (root / name).mkdir(parents=True)
    (root / "status").touch()
    lines = mirrors.lines(suite, f"[signed-by={keyring}]")
    (root / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {
        "Dir::Etc::SourceList": root / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": root,
        "Dir::State::status": root / "status",
        "Dir::Cache": root,
        # The user _apt may not read a folder of root.
        "APT::Sandbox::User": "root",
    }
    flags = [word for key, value in options.items() for word in ("--option", f"{key}={value}")]
    return ["apt-get", "--quiet", "--yes", *flags]
