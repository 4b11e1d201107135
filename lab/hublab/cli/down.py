"""`hublab down`: a lab ends, and nothing of it stays."""

from __future__ import annotations

import click

from hublab.cli.common import common, emit, out
from hublab.deployment.names import check_name
from hublab.deployment.removal import down
from hublab.engine import Engine


@click.command("down")
@common
def down_command(name: str, as_json: bool) -> None:
    """End a lab: its containers, networks, volumes with every secret, and its journals.

    Images, packages and the engine stay. A lab that is not there is no error.

    \b
    Examples:
      hublab down
      hublab down --name second
    """
    engine = Engine.connect()
    was = engine.leftovers(check_name(name))
    seconds = down(name, engine)
    if as_json:
        emit({"name": name, "removed": was, "seconds": round(seconds, 3)})
    elif was:
        out.print(f"lab {name} is gone after {seconds:.1f} s ({len(was)} things removed)")
    else:
        out.print(f"there was no lab {name}")
