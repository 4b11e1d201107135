"""`hublab init`: writes out what a user wants to change, and a first test of it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from hublab.cli.common import out
from hublab.cli.json_output import emit, json_option
from hublab.cli.places import Place
from hublab.errors import UsageError
from hublab.paths import COMPOSE

FOLDER = COMPOSE / "init"
FILES = ("lab.yaml", "jupyterhub_config.py", "test_lab.py")
NEXT = (
    "hublab up -f lab.yaml --hub-config jupyterhub_config.py",
    "hublab spawn alice --on node2",
    "hublab down",
    "pytest --lab-file lab.yaml test_lab.py",
)
"""What to do with the files, in this order; tests/lab/test_init.py does it."""


@click.command()
@click.argument("folder", required=False, metavar="[DIR]", type=Place())
@json_option
def init(folder: Path | None, as_json: bool) -> None:
    """Write the files of a lab of your own, and a first test.

    They go into DIR, by default this folder. `lab.yaml` is a Compose file with the hosts,
    `jupyterhub_config.py` the hub's configuration, and `test_lab.py` a test that shows one of its
    settings at work on another host. Nothing is overwritten. Then it says what to run.

    \b
    Examples:
      hublab init
      hublab init my-lab
    """
    target = folder or Path()
    try:
        written = write_all(target)
    except OSError as error:
        where = str(error.filename or target)
        raise UsageError(f"cannot write it: {error.strerror}", where=where) from error
    commands = [*([f"cd {shlex.quote(str(folder))}"] if folder else []), *NEXT]
    if as_json:
        emit({"files": [str(path) for path in written], "next": commands})
        return
    for path in written:
        out.print(f"wrote {path}", markup=False)
    out.print("\nnext", markup=False)
    for command in commands:
        out.print(f"  {command}", markup=False)


def write_all(target: Path) -> list[Path]:
    """Write all files, or none. Raises UsageError where one is there already, OSError."""
    if there := [str(target / name) for name in FILES if os.path.lexists(target / name)]:
        raise UsageError(
            "there already, and nothing is overwritten",
            where="\n".join(there),
            hint="another folder: hublab init DIR",
        )
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name in FILES:
        with (target / name).open("xb") as file:
            file.write((FOLDER / name).read_bytes())
        written.append(target / name)
    return written
