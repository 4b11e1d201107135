"""`hublab activity`: shows when users were last active, according to server, proxy and hub."""

from __future__ import annotations

from dataclasses import asdict

import click

from hublab.cli.common import common, out, table, with_live
from hublab.cli.complete import users
from hublab.cli.json_output import emit
from hublab.probes.activity import Activity, Moment, activity
from hublab.running.live import LiveLab


@click.command("activity")
@click.argument("user", required=False, shell_complete=users)
@common
def activity_command(user: str | None, name: str, as_json: bool) -> None:
    """Show when users were last active: server, proxy and hub.

    Without USER it shows everybody. Ages are in seconds, on the clock of the hub's host. Reading
    them changes none of them. Server and proxy report to the hub at intervals, so the hub's value
    may be that much older: JUPYTERHUB_ACTIVITY_INTERVAL for a server,
    JupyterHub.last_activity_interval for the proxy.

    \b
    Examples:
      hublab activity
      hublab activity alice --json
    """

    async def work(live: LiveLab) -> list[Activity]:
        return await activity(live, user)

    seen = with_live(name, work, "activity")
    if as_json:
        emit([asdict(row) for row in seen])
    else:
        show(seen)


def show(seen: list[Activity]) -> None:
    """The table of ages."""
    columns = ("USER", "SERVER", "SERVER SAYS", "PROXY SAW", "HUB HAS", "KERNELS", "CONNECTIONS")
    rows = table(None, *columns)
    for row in seen:
        server = "" if row.name is None else row.name or "(default)"
        counts = ("" if n is None else str(n) for n in (row.kernels, row.connections))
        rows.add_row(row.user, server, age(row.server), age(row.proxy), age(row.hub), *counts)
    out.print(rows)


def age(moment: Moment | None) -> str:
    """An age for the table."""
    if moment is None:
        return "–"
    if moment.error:
        return f"no answer: {moment.error}"
    return "never" if moment.age is None else f"{moment.age:.1f} s ago"
