"""A temporary folder that goes with its owner, even one ended by SIGKILL."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hublab.guard.lease import Guard


@contextlib.contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """An empty folder for its owner alone, removed with its contents when the block ends.

    `name` says in the folder's own name what it is for. Raises InternalError when no guard can be
    started, or when the folder cannot be removed.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"hublab-{name}-"))
    with Guard.start(undo=[["rm", "-rf", "--", str(folder)]]):
        yield folder
