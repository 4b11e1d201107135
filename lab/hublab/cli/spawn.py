"""`hublab spawn`: has the hub start a single-user server on a node."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import click

from hublab.cli.common import common, err, out, server_option, with_live
from hublab.cli.complete import nodes, users
from hublab.cli.json_output import emit
from hublab.cli.ps import public_fields
from hublab.errors import HubError
from hublab.running.lab import Lab
from hublab.running.live import LiveLab
from hublab.running.servers import Server, SpawnMessage

REFUSED = "refused the login"
"""SSHSpawner's message to the user when a node's sshd refuses the hub's login."""


@click.command()
@click.argument("user", shell_complete=users)
@server_option
@click.option(
    "--on",
    metavar="HOST",
    shell_complete=nodes,
    help="The node to start it on. Default: the spawner's choice.",
)
@common
def spawn(user: str, server: str, on: str | None, name: str, as_json: bool) -> None:
    """Have the hub start USER's server, and show its progress.

    The progress is what the user sees on the spawn page.

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
                users = await asyncio.to_thread(missing_account_hint, live.lab, user)
                error.hint = users or error.hint
            raise

    started = with_live(name, work, "spawn")
    if as_json:
        emit(
            {
                **public_fields(started),
                "seconds": started.seconds,
                "events": [
                    {"t": e["t"], "progress": e["progress"], "message": e["message"]}
                    for e in map(asdict, started.events)
                ],
            }
        )
    else:
        out.print(
            f"{user}'s server is ready on {started.host} ({started.address}:{started.port}) "
            f"after {started.seconds:.2f} s",
            markup=False,
        )


def missing_account_hint(lab: Lab, user: str) -> str:
    """How to add accounts to the nodes, if no node has one for this user; else nothing."""
    nodes = lab.of_role("node")
    if any(lab.run(node.service, "id", "-u", user).exit_code == 0 for node in nodes):
        return ""
    return f"no node has the account {user}; `hublab up` adds those that HUBLAB_USERS lists"


def show_progress(event: SpawnMessage) -> None:
    """Print one progress message on stderr."""
    progress = "" if event.progress is None else f"{event.progress:3d} %"
    err.print(f"{event.t:6.2f} s  {progress:>5}  {event.message}", markup=False)
