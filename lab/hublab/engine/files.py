"""Reads and writes files in a container that runs, by a shell that is open there anyway.

The engine's own way, an archive, takes it 70 milliseconds and more for a file of any size. It is
what remains for hosts that do not run, for large files, and for folders of them.
"""

from __future__ import annotations

import base64
import secrets
import shlex
from collections.abc import Sequence

from hublab.engine.open_programs import OpenPrograms
from hublab.engine.records import File
from hublab.engine.shells import run, run_script

LARGEST = 65_536
"""Bytes of all files of one command."""
NO_FILE = 44
READ = f'[ -e "$1" ] || exit {NO_FILE}; [ -f "$1" ] && cat "$1"'


def read(programs: OpenPrograms, container: str, path: str) -> tuple[bool, bytes | None]:
    """Whether a shell could tell, and what is in a file: None where there is none."""
    started = programs.started(container)
    if started is None:
        return False, None
    code, content, _ = run(programs, container, started, ["sh", "-c", READ, "-", path], {})
    return code in (0, NO_FILE), content if code == 0 else None


def write(programs: OpenPrograms, container: str, folder: str, files: Sequence[File]) -> bool:
    """Write files, each with its mode and owner from the first moment on; returns whether it could.

    A file that is there is replaced, and not written over.
    """
    small = sum(len(file.content) for file in files) <= LARGEST
    flat = not any("/" in file.name for file in files)
    started = programs.started(container) if small and flat else None
    if started is None:
        return False
    new = f".hublab-{secrets.token_hex(8)}"
    lines = ["umask 077", "set -e", f"cd -- {shlex.quote(folder)}", f"trap 'rm -f {new}' EXIT"]
    lines += [line_of(file, new) for file in files]
    # Its contents may be secret: they come by the shell's input and are in no arguments.
    code, _, _ = run_script(programs, container, started, "\n".join(lines))
    return code == 0


def line_of(file: File, new: str) -> str:
    """The commands that put a file in place of the one that is there; `new` is its name before."""
    name = shlex.quote(file.name)
    content = shlex.quote(base64.b64encode(file.content).decode())
    return (
        f"printf %s {content} | base64 -d > {new}; chown {file.uid}:{file.uid} {new}; "
        f"chmod {file.mode:o} {new}; mv -fT -- {new} {name}"
    )
