"""`hublab spawn`: the hub starts a single-user server on a node."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import click

from hublab.cli.common import common, emit, err, out, server_option, with_live
from hublab.cli.ps import shown
from hublab.errors import HubError
from hublab.running.lab import Lab
from hublab.running.live import LiveLab, Progress, Server

REFUSED = "refused the login"
"""In SSHSpawner's message to the user when a node does not let the hub in."""


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
        try:
            return await live.spawn(user, server, on=on, watch=show_progress)
        except HubError as error:
            if REFUSED in error.message:
                users = await asyncio.to_thread(where_users_come_from, live.lab, user)
                error.hint = users or error.hint
            raise

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


def where_users_come_from(lab: Lab, user: str) -> str:
    """Where the nodes' users come from, if none of the nodes knows this one; else nothing."""
    nodes = lab.of_role("node")
    if any(lab.run(node.service, "id", "-u", user).exit_code == 0 for node in nodes):
        return ""
    return f"a user of the nodes, as HUBLAB_USERS names them to `hublab up`; {user} is none"


def show_progress(event: Progress) -> None:
    """One progress message on stderr."""
    progress = "" if event.progress is None else f"{event.progress:3d} %"
    err.print(f"{event.t:6.2f} s  {progress:>5}  {event.message}", markup=False)
