"""`hublab down`: removes a lab completely."""

from __future__ import annotations

import click

from hublab.cli.common import common, err, out
from hublab.cli.json_output import emit
from hublab.deployment.names import check_name
from hublab.deployment.removal import down
from hublab.engine import Engine


@click.command("down")
@common
def down_command(name: str, as_json: bool) -> None:
    """Remove a lab: containers, networks, volumes and journals.

    Every secret of the lab is in its volumes and goes with them. Images, packages and the engine
    stay. It is no error if there is no such lab.

    \b
    Examples:
      hublab down
      hublab down --name second
    """
    engine = Engine.connect()
    removed = engine.leftovers(check_name(name))
    try:
        seconds = down(name, engine)
    except KeyboardInterrupt:
        if left := engine.leftovers(name):
            words = f"{len(left)} things of lab {name} are left; `hublab down --name {name}`"
            err.print(f"{words} removes them", markup=False)
        raise
    if as_json:
        emit({"name": name, "removed": removed, "seconds": round(seconds, 3)})
    elif removed:
        out.print(f"lab {name} is gone after {seconds:.1f} s ({len(removed)} things removed)")
    else:
        out.print(f"there was no lab {name}")
