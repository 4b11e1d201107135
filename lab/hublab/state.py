"""The folder for what a lab leaves on this machine while it runs: its lock and its journals."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hublab.errors import MachineError


def labs_folder() -> Path:
    """Where the folders of all labs stand (XDG base directories: state; a relative one is void)."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "hublab"


def lab_folder(lab: str) -> Path:
    """The folder of one lab; made when first asked for, readable by its owner alone."""
    return made(made(labs_folder()) / lab)


def made(folder: Path) -> Path:
    """A folder that is there now, its owner's alone. Raises MachineError if that cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MachineError(
            f"cannot make a folder for what labs leave here: {error.strerror}",
            where=str(folder),
            right="room and permission there, or another folder in XDG_STATE_HOME",
        ) from error
    return folder


def remove_lab_folder(lab: str) -> None:
    """End of a lab: nothing of it stays on this machine."""
    shutil.rmtree(labs_folder() / lab, ignore_errors=True)
