"""Removes labs: containers, networks, volumes with all secrets, and the folder on this machine."""

from __future__ import annotations

import sys
import time

from hublab.engine import Engine
from hublab.errors import EngineError
from hublab.guard.lease import Guard
from hublab.paths import remove_lab_folder


def down(name: str, engine: Engine) -> float:
    """Remove a lab: containers, networks, volumes with all secrets, files. Returns the seconds.

    A lab that does not exist is no error. Raises EngineError with what could not be removed.
    """
    begun = time.monotonic()
    engine.remove_lab(name)
    remove_lab_folder(name)
    return time.monotonic() - begun


def down_argv(name: str) -> list[str]:
    """The command with which a guard removes a lab."""
    return [sys.executable, "-m", "hublab", "down", "--name", name]


def undo(guard: Guard | None, engine: Engine, name: str, new: bool) -> None:
    """Remove what a failed `up` created; a lab that ran before is left as it is."""
    if new:
        try:
            down(name, engine)
        except EngineError:
            return  # the guard is not released, so it tries again when this process ends
    if guard:
        guard.release()
