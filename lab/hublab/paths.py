"""The folders of the project, of a lab's hosts, and of the labs' state on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hublab.errors import MachineError

ROOT = Path(__file__).parents[2]
"""The project's folder, from which images are built."""
COMPOSE = ROOT / "compose"
"""The project's own topologies, and the sources of its images."""
SCENARIOS = ROOT / "scenarios"

ETC = "/etc/hublab"
"""The folder with the keys, secrets and settings of a host, on that host."""
SHARES = "/lab"
"""The folder in which `init` mounts the ETC of every host, as /lab/ROLE/HOST."""


def labs_folder() -> Path:
    """The folder above the folders of all labs.

    Source: the XDG base directory specification, which has relative paths ignored.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "hublab"


def lab_folder(lab: str) -> Path:
    """The folder of one lab, created on first use and readable by its owner only."""
    return ensure_dir(ensure_dir(labs_folder()) / lab)


def ensure_dir(folder: Path) -> Path:
    """Create a folder that only its owner can read, unless it exists. Raises MachineError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MachineError(
            f"cannot create a folder for the state of labs: {error.strerror}",
            where=str(folder),
            hint="free space and write permission there, or another folder in XDG_STATE_HOME",
        ) from error
    return folder


def remove_lab_folder(lab: str) -> None:
    """Remove the folder of a lab that has ended; a missing folder is no error."""
    shutil.rmtree(labs_folder() / lab, ignore_errors=True)
