"""`hublab prune`: labs that nobody ended, and images that nothing uses."""

from __future__ import annotations

import click
from rich.prompt import Confirm

from hublab.cli.common import emit, err, json_option, out
from hublab.deployment.removal import down
from hublab.engine import Engine


@click.command()
@click.option("--images", is_flag=True, help="Also remove hublab's images that no lab uses.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def prune(images: bool, yes: bool, as_json: bool) -> None:
    """End all labs on this engine, and with --images remove hublab's images too.

    \b
    Examples:
      hublab prune
      hublab prune --images --yes
    """
    engine = Engine.connect()
    labs = engine.labs()
    asked = yes or not labs or Confirm.ask(f"End {', '.join(labs)}?", console=err)
    ended = labs if asked else []
    for lab in ended:
        down(lab, engine)
    removed = engine.remove_images() if images and asked else []
    if as_json:
        emit({"labs": ended, "images": removed})
    else:
        out.print(f"ended: {', '.join(ended) or 'no lab'}", markup=False)
        if images:
            out.print(f"removed: {', '.join(removed) or 'no image'}", markup=False)
