"""Writes a file that its owner alone can read, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_private(target: Path, data: bytes) -> None:
    """Write a file under its name when it is complete; raises OSError, and leaves nothing then.

    One that is there is replaced, behind a link too. What is no file, as a device or a pipe, is
    written to and stays what it is.
    """
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:  # a folder is an error here
            stream.write(data)
        return
    target = Path(os.path.realpath(target))
    descriptor, new = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(new, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
