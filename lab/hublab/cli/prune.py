"""`hublab prune`: removes all labs, and images that no lab uses."""

from __future__ import annotations

import click
from rich.prompt import Confirm

from hublab.cli.common import err, out
from hublab.cli.json_output import emit, json_option
from hublab.deployment.removal import down
from hublab.engine import Engine


@click.command()
@click.option("--images", is_flag=True, help="Also remove hublab's images that no lab uses.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@json_option
def prune(images: bool, yes: bool, as_json: bool) -> None:
    """Remove every lab on this engine; with --images, images too.

    \b
    Examples:
      hublab prune
      hublab prune --images --yes
    """
    engine = Engine.connect()
    labs = engine.labs()
    confirmed = yes or not labs or Confirm.ask(f"Remove {', '.join(labs)}?", console=err)
    removed_labs = labs if confirmed else []
    for lab in removed_labs:
        down(lab, engine)
    removed_images = engine.remove_images() if images and confirmed else []
    if as_json:
        emit({"labs": removed_labs, "images": removed_images})
    else:
        out.print(f"removed labs: {', '.join(removed_labs) or 'none'}", markup=False)
        if images:
            out.print(f"removed images: {', '.join(removed_images) or 'none'}", markup=False)
