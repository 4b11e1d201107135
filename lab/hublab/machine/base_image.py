"""The base of all images: from a registry, or an equal one built from Debian's packages."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
from pathlib import Path
from shutil import which
from typing import Protocol

from hublab.errors import MachineError
from hublab.machine import apt
from hublab.machine.commands import run
from hublab.machine.distribution import Distribution, this_machine
from hublab.machine.sources import debian_mirror
from hublab.progress import Progress

SUITE = "trixie"
FROM_REGISTRY = "debian:trixie-slim"
REPOSITORY, TAG = "hublab-base", SUITE
FROM_PACKAGES = f"{REPOSITORY}:{TAG}"
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
    progress(f"looking for {FROM_REGISTRY} in a registry (at most {PULL_SECONDS:.0f} s)")
    if engine.pull(FROM_REGISTRY, PULL_SECONDS):
        return FROM_REGISTRY
    begun = time.monotonic()
    progress(f"no registry has it: building {FROM_PACKAGES} from Debian's packages (about 20 s)")
    with tempfile.TemporaryDirectory(prefix="hublab-base-") as folder:
        tar = build_base_tar(Path(folder), progress)
        engine.import_image(str(tar), REPOSITORY, TAG)
    progress(f"built {FROM_PACKAGES} in {time.monotonic() - begun:.1f} s")
    return FROM_PACKAGES


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


def build_base_tar(folder: Path, progress: Progress) -> Path:
    """Build a root file system of Debian 13 as a tar, by mmdebstrap from signed packages."""
    machine = this_machine()
    if which("mmdebstrap") is None:
        machine.check_preparable()
        apt.install(["mmdebstrap"], progress)
    keyring = apt.ensure_debian_keyring(progress)
    tar = folder / "base.tar"
    run(
        bootstrap_command(machine, tar, keyring),
        f"build a base of Debian {SUITE}",
        progress,
        environment=apt.UNATTENDED,
    )
    return tar


def bootstrap_command(machine: Distribution, tar: Path, keyring: Path) -> list[str]:
    """The mmdebstrap command, with this machine's mirrors; on Ubuntu with its default mirror."""
    mirrors = debian_mirror(machine)
    lines = mirrors.lines(SUITE) if mirrors else []
    # A minimal Debian has no TLS authorities, so apt in containers could not use such a mirror.
    trust = ["--include=ca-certificates"] if any("https:" in line for line in lines) else []
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--keyring={keyring}",
        *trust,
        SUITE,
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
