"""The base of all images: from a registry, or an equal one built from Debian's packages."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from shutil import which
from typing import Protocol

from hublab.errors import MachineError
from hublab.guard.folder import temporary_folder
from hublab.machine import apt
from hublab.machine.commands import run
from hublab.machine.distribution import Distribution, this_machine
from hublab.machine.sources import debian_mirror
from hublab.progress import Progress

SUITE = "trixie"
OLD_SUITE = "bookworm"
"""Debian 12, whose sshd the spawner is also tested on."""
FROM_REGISTRY = f"debian:{SUITE}-slim"
REPOSITORY = "hublab-base"
FROM_PACKAGES = f"{REPOSITORY}:{SUITE}"
PULL_SECONDS = 60.0


class Images(Protocol):
    """The part of `hublab.engine.Engine` that this module needs."""

    def image_id(self, name: str) -> str | None: ...

    def pull(self, name: str, timeout: float) -> bool:
        """Pull an image; False if no registry delivered it within the timeout (seconds)."""
        ...

    def import_image(self, path: str, repository: str, tag: str) -> None: ...


def choose_base(engine: Images, progress: Progress) -> str:
    """The image to build on; pulled or built if the engine has none yet.

    $HUBLAB_BASE comes first. Next is the base that the engine has already, so that the choice stays
    the same; then a registry; then the packages.
    """
    if found := present_base(engine):
        return found
    if chosen := os.environ.get("HUBLAB_BASE"):
        return pull_chosen(engine, chosen, progress)
    return pulled(engine, SUITE, progress) or made(engine, SUITE, progress)


def choose_old_base(engine: Images, progress: Progress) -> str:
    """The same of Debian 12, which only tests need; $HUBLAB_BASE does not name it.

    No registry is asked if it had no Debian 13 either.
    """
    for name in (f"debian:{OLD_SUITE}-slim", f"{REPOSITORY}:{OLD_SUITE}"):
        if engine.image_id(name) is not None:
            return name
    asked = engine.image_id(FROM_PACKAGES) is not None
    found = None if asked else pulled(engine, OLD_SUITE, progress)
    return found or made(engine, OLD_SUITE, progress)


def pulled(engine: Images, suite: str, progress: Progress) -> str | None:
    """The image that a registry has of a suite; None if no registry delivers it."""
    name = f"debian:{suite}-slim"
    progress(f"looking for {name} in a registry (at most {PULL_SECONDS:.0f} s)")
    return name if engine.pull(name, PULL_SECONDS) else None


def made(engine: Images, suite: str, progress: Progress) -> str:
    """An image of a suite, made from Debian's packages."""
    begun = time.monotonic()
    name = f"{REPOSITORY}:{suite}"
    progress(f"no registry has it: building {name} from Debian's packages (about 20 s)")
    with temporary_folder("base") as folder:
        tar = build_base_tar(folder, progress, suite)
        engine.import_image(str(tar), REPOSITORY, suite)
    progress(f"built {name} in {time.monotonic() - begun:.1f} s")
    return name


def present_base(engine: Images) -> str | None:
    """The base that the engine has already: $HUBLAB_BASE if that is set, else one of the two."""
    chosen = os.environ.get("HUBLAB_BASE")
    names = (chosen,) if chosen else (FROM_REGISTRY, FROM_PACKAGES)
    return next((name for name in names if engine.image_id(name) is not None), None)


def pull_chosen(engine: Images, chosen: str, progress: Progress) -> str:
    progress(f"pulling {chosen}")
    if not engine.pull(chosen, PULL_SECONDS):
        raise MachineError(
            f"the image {chosen} is neither in the engine nor in a registry",
            where="HUBLAB_BASE",
            hint=f"unset it, or name an image of Debian {SUITE}",
        )
    return chosen


def build_base_tar(folder: Path, progress: Progress, suite: str = SUITE) -> Path:
    """Build a root file system of a suite as a tar, by mmdebstrap from signed packages."""
    machine = this_machine()
    if which("mmdebstrap") is None:
        machine.check_preparable()
        apt.install(["mmdebstrap"], progress)
    keyring = apt.ensure_debian_keyring(progress)
    tar = folder / "base.tar"
    run(
        bootstrap_command(machine, tar, keyring, suite),
        f"build a base of Debian {suite}",
        progress,
        environment=apt.UNATTENDED,
    )
    return tar


def bootstrap_command(
    machine: Distribution, tar: Path, keyring: Path, suite: str = SUITE
) -> list[str]:
    """The mmdebstrap command, with this machine's mirrors; on Ubuntu with its default mirror."""
    mirrors = debian_mirror(machine)
    lines = mirrors.lines(suite) if mirrors else []
    # A minimal Debian has no TLS authorities, so apt in containers could not use such a mirror.
    trust = ["--include=ca-certificates"] if any("https:" in line for line in lines) else []
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--keyring={keyring}",
        *trust,
        suite,
        str(tar),
        *lines,
    ]


def commands(machine: Distribution) -> list[str]:
    """The shell commands that `choose_base` would try for an engine without a base."""
    keyring = apt.debian_keyring()
    packages = [] if which("mmdebstrap") else ["mmdebstrap"]
    packages += [] if keyring else ["debian-archive-keyring"]
    assumed = keyring or apt.KEYRINGS / "debian-archive-keyring.gpg"
    return [
        f"docker pull {FROM_REGISTRY}   # the rest only if no registry has it",
        *(shlex.join(argv) for argv in apt.install_commands(packages) if packages),
        shlex.join(bootstrap_command(machine, Path("base.tar"), assumed)),
        f"docker import base.tar {FROM_PACKAGES}",
    ]
