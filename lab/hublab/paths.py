"""The folders of the project, of a host, and of running labs' state on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hublab.errors import MachineError

CLONE = Path(__file__).parents[2]
IS_CLONE = (CLONE / "compose" / "lab.yaml").is_file()
"""Whether this package stands in a clone of its repository; else it was installed alone."""
ROOT = CLONE if IS_CLONE else Path(__file__).with_name("project")
"""The project's folder, from which images are built, or what the wheel has of it."""
COMPOSE = ROOT / "compose"
"""The project's own topologies, and the inputs of its images."""
SCENARIOS = ROOT / "scenarios"

ETC = "/etc/hublab"
"""The folder with the keys, secrets and settings of a host, on that host."""
SHARES = "/lab"
"""The folder in which `init` mounts the ETC of every host, as /lab/ROLE/HOST."""


def evidence_folder(project: Path) -> Path:
    """Where runs in a project leave their evidence: in it, or here if it is installed."""
    return (Path.cwd() if project == ROOT and not IS_CLONE else project) / "evidence"


def labs_folder() -> Path:
    """The parent of all labs' folders (XDG base directories: state; ignores a relative path)."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "hublab"


def cache_folder() -> Path:
    """The folder of what can be found out again (XDG base directories: cache)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "hublab"


def lab_folder(lab: str) -> Path:
    """The folder of one lab; created at its first use, readable only by its owner."""
    return ensure_dir(ensure_dir(labs_folder()) / lab)


def overlay_file(lab: str) -> Path:
    """Where a running lab's Compose overlay is: what its files left out."""
    return labs_folder() / lab / "overlay.yaml"


def ensure_dir(folder: Path) -> Path:
    """Create a folder that only its owner can read, unless it exists. Raises MachineError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MachineError(
            f"cannot create a folder for the state of labs: {error.strerror}",
            where=str(folder),
            hint="free space and permission there, or another folder in XDG_STATE_HOME",
        ) from error
    return folder


def remove_lab_folder(lab: str) -> None:
    """Remove the folder of a lab that has ended."""
    shutil.rmtree(labs_folder() / lab, ignore_errors=True)
