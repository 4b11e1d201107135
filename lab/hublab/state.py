"""The folder for what a lab leaves on this machine while it runs: its lock and its journals."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def labs_folder() -> Path:
    """Where the folders of all labs stand (XDG base directories: state)."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "hublab"


def lab_folder(lab: str) -> Path:
    """The folder of one lab; made when first asked for, readable by its owner alone."""
    folder = labs_folder() / lab
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def remove_lab_folder(lab: str) -> None:
    """End of a lab: nothing of it stays on this machine."""
    shutil.rmtree(labs_folder() / lab, ignore_errors=True)
