"""The user's own configuration with the folder beside it, as files for a host."""

from __future__ import annotations

import os
from pathlib import Path

from hublab.engine.records import File
from hublab.errors import UsageError
from hublab.settings.files import JUPYTERHUB_UID

FOLDER = "own"
"""Below /etc/hublab, on the hub's host; nothing of the lab's own is in it."""
NAME = "own_name"
"""Beside it: the file that names the configuration (compose/etc/hub/own_hub_config.py)."""
MOST_FILES, MOST_BYTES = 500, 16 * 1024 * 1024
SKIPPED = ("__pycache__", "node_modules", "venv")


def hub_files(path: Path) -> list[File]:
    """The configuration and what is beside it: readable by the hub alone.

    Hidden files stay behind. A program stays executable. A folder that is too large is left behind
    as a whole. Raises UsageError for a configuration that cannot be read.
    """
    beside = files_beside(path) or {}
    return [own_file(name, one) for name, one in {path.name: path, **beside}.items()]


def name_file(path: Path) -> File:
    """What tells the hub which of these files is the configuration."""
    return File(NAME, path.name.encode(), mode=0o440, uid=JUPYTERHUB_UID)


def left_behind(path: Path) -> str:
    """Why the folder of the configuration does not go along, or ''."""
    if files_beside(path) is not None:
        return ""
    return (
        f"{path.absolute().parent} has more than {MOST_FILES} files or "
        f"{MOST_BYTES // 2**20} MB, so none of them goes along"
    )


def files_beside(path: Path) -> dict[str, Path] | None:
    """The files of the configuration's folder, by name; None if they are too many or too large."""
    folder = path.absolute().parent  # that of a link, as JupyterHub takes it
    found: dict[str, Path] = {}
    size = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one[0] != "." and one not in SKIPPED)
        for name in sorted(names):
            one = Path(parent, name)
            if name[0] == "." or not one.is_file() or not os.access(one, os.R_OK):
                continue
            key = one.relative_to(folder).as_posix()
            if key == path.name:
                continue
            found[key] = one
            size += one.stat().st_size
            if len(found) > MOST_FILES or size > MOST_BYTES:
                return None
    return found


def own_file(name: str, path: Path) -> File:
    content = read(path)
    mode = 0o550 if os.access(path, os.X_OK) else 0o440
    return File(f"{FOLDER}/{name}", content, mode=mode, uid=JUPYTERHUB_UID)


def read(path: Path) -> bytes:
    """The content of a file. Raises UsageError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read this configuration: {error.strerror}",
            where=str(path),
            hint="the path of a Python file, such as jupyterhub_config.py",
        ) from error
