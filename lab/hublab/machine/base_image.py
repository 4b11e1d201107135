"""The image that all others are built on: a registry's, or an equal one made from packages."""

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
    """What an engine must do for a base: `hublab.engine.Engine` does."""

    def image_id(self, name: str) -> str | None: ...

    def pull(self, name: str, timeout: float) -> bool:
        """Pull an image; False when no registry gave it within the timeout (seconds)."""
        ...

    def import_image(self, path: str, repository: str, tag: str) -> None: ...


def choose_base(engine: Images, progress: Progress) -> str:
    """The image to build on, made or pulled where the engine has none yet.

    $HUBLAB_BASE is the user's choice. Otherwise what the engine has already, so that the
    choice never changes under somebody's feet; then a registry; then the packages.
    """
    if found := present_base(engine):
        return found
    if chosen := os.environ.get("HUBLAB_BASE"):
        return pull_chosen(engine, chosen, progress)
    progress(f"looking for {FROM_REGISTRY} in a registry (at most {PULL_SECONDS:.0f} s)")
    if engine.pull(FROM_REGISTRY, PULL_SECONDS):
        return FROM_REGISTRY
    begun = time.monotonic()
    progress(f"no registry has it: making {FROM_PACKAGES} from Debian's packages (about 20 s)")
    with tempfile.TemporaryDirectory(prefix="hublab-base-") as folder:
        tar = make_base_tar(Path(folder), progress)
        engine.import_image(str(tar), REPOSITORY, TAG)
    progress(f"made {FROM_PACKAGES} in {time.monotonic() - begun:.1f} s")
    return FROM_PACKAGES


def present_base(engine: Images) -> str | None:
    """The base that the engine has already: $HUBLAB_BASE where that is set, else either."""
    chosen = os.environ.get("HUBLAB_BASE")
    names = (chosen,) if chosen else (FROM_REGISTRY, FROM_PACKAGES)
    return next((name for name in names if engine.image_id(name) is not None), None)


def pull_chosen(engine: Images, chosen: str, progress: Progress) -> str:
    progress(f"pulling {chosen}")
    if not engine.pull(chosen, PULL_SECONDS):
        raise MachineError(
            f"the image {chosen} is neither in the engine nor to be had from a registry",
            where="HUBLAB_BASE",
            hint=f"unset it, or name an image that is Debian {SUITE}",
        )
    return chosen


def make_base_tar(folder: Path, progress: Progress) -> Path:
    """A root file system of Debian 13 as a tar, made by mmdebstrap from signed packages."""
    machine = this_machine()
    if which("mmdebstrap") is None:
        machine.must_be_preparable()
        apt.install(["mmdebstrap"], progress)
    keyring = apt.ensure_debian_keyring(progress)
    tar = folder / "base.tar"
    run(
        bootstrap_command(machine, tar, keyring),
        f"make a base of Debian {SUITE}",
        progress,
        environment=apt.UNATTENDED,
    )
    return tar


def bootstrap_command(machine: Distribution, tar: Path, keyring: Path) -> list[str]:
    """The mmdebstrap command: with the host's own mirrors, or on Ubuntu with its default."""
    mirrors = debian_mirror(machine)
    lines = mirrors.lines(SUITE) if mirrors else []
    # A minimal Debian trusts no TLS at all, so such a mirror would not answer in containers.
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
    """What `choose_base` would try in an engine without a base, in a shell's words."""
    keyring = apt.debian_keyring()
    packages = [] if which("mmdebstrap") else ["mmdebstrap"]
    packages += [] if keyring else ["debian-archive-keyring"]
    assumed = keyring or apt.KEYRINGS / "debian-archive-keyring.gpg"
    return [
        f"docker pull {FROM_REGISTRY}   # the rest only where no registry has it",
        *(shlex.join(argv) for argv in apt.install_commands(packages) if packages),
        shlex.join(bootstrap_command(machine, Path("base.tar"), assumed)),
        f"docker import base.tar {FROM_PACKAGES}",
    ]
