"""`hublab spawn`: the hub starts a single-user server on a node."""

from __future__ import annotations

from dataclasses import asdict

import click

from hublab.cli.common import common, emit, err, out, server_option, with_live
from hublab.cli.ps import shown
from hublab.live import LiveLab, Progress, Server


@click.command()
@click.argument("user")
@server_option
@click.option(
    "--on", metavar="HOST", help="The node to start it on. Default: the spawner's choice."
)
@common
def spawn(user: str, server: str, on: str | None, name: str, as_json: bool) -> None:
    """Have the hub start USER's server, with the progress that the user would see.

    \b
    Examples:
      hublab spawn alice
      hublab spawn alice --on node2 --server analysis
    """

    async def work(live: LiveLab) -> Server:
        return await live.spawn(user, server, on=on, watch=show_progress)

    made = with_live(name, work, "spawn")
    if as_json:
        emit(
            {
                **shown(made),
                "seconds": made.seconds,
                "events": [
                    {"t": e["t"], "progress": e["progress"], "message": e["message"]}
                    for e in map(asdict, made.events)
                ],
            }
        )
    else:
        out.print(
            f"{user}'s server is ready on {made.host} ({made.address}:{made.port}) "
            f"after {made.seconds:.2f} s",
            markup=False,
        )


def show_progress(event: Progress) -> None:
    """One progress message on stderr."""
    progress = "" if event.progress is None else f"{event.progress:3d} %"
    err.print(f"{event.t:6.2f} s  {progress:>5}  {event.message}", markup=False)
