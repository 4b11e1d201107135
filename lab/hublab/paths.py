"""The folders: the project's own, a host's, and those for what labs keep on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hublab.errors import MachineError

ROOT = Path(__file__).parents[2]
"""The project's folder, from which images are built."""
COMPOSE = ROOT / "compose"
"""The project's own topologies, and what its images are made from."""
SCENARIOS = ROOT / "scenarios"

ETC = "/etc/hublab"
"""The folder of each host that holds its keys, secrets and settings."""
SHARES = "/lab"
"""Where `init` has every host's ETC, as /lab/ROLE/HOST."""


def labs_folder() -> Path:
    """Where the folders of all labs stand (XDG base directories: state; a relative one is void)."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "hublab"


def lab_folder(lab: str) -> Path:
    """The folder of one lab; made when first asked for, readable by its owner alone."""
    return ensure_dir(ensure_dir(labs_folder()) / lab)


def overlay_file(lab: str) -> Path:
    """Where a running lab's Compose overlay is: what its files left out."""
    return labs_folder() / lab / "overlay.yaml"


def ensure_dir(folder: Path) -> Path:
    """Make a folder that only its owner can read, unless it exists. Raises MachineError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MachineError(
            f"cannot make a folder for what labs leave here: {error.strerror}",
            where=str(folder),
            hint="room and permission there, or another folder in XDG_STATE_HOME",
        ) from error
    return folder


def remove_lab_folder(lab: str) -> None:
    """End of a lab: nothing of it stays on this machine."""
    shutil.rmtree(labs_folder() / lab, ignore_errors=True)
