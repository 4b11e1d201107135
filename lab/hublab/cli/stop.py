"""`hublab stop`: has the hub stop a server, and lists what the nodes still run for its user."""

from __future__ import annotations

import click

from hublab.cli.common import common, out, server_option, with_live
from hublab.cli.complete import users
from hublab.cli.json_output import emit
from hublab.errors import UsageError
from hublab.probes.processes import UserProcess, user_processes
from hublab.running.live import LiveLab
from hublab.running.servers import Server


@click.command()
@click.argument("user", shell_complete=users)
@server_option
@common
def stop(user: str, server: str, name: str, as_json: bool) -> None:
    """Have the hub stop USER's server, and list what still runs.

    Lists the processes that the nodes still run for USER, and the user's other servers.

    \b
    Examples:
      hublab stop alice
      hublab stop alice --server analysis --json
    """

    async def work(live: LiveLab) -> tuple[float, list[UserProcess], list[Server]]:
        known = await live.server(user, server)
        if known is None or not known.started:
            raise UsageError(
                f"{user} has no running server{f' named {server}' if server else ''}",
                hint="`hublab ps` lists them",
            )
        seconds = await live.stop(user, server)
        others = [one for one in await live.servers() if one.user == user and one.started]
        left = [p for p in await user_processes(live, user) if not p.is_connection]
        return seconds, left, others

    seconds, left, others = with_live(name, work, "stop")
    if as_json:
        still = [{"host": p.host, "pid": p.pid, "command": p.command} for p in left]
        emit({"user": user, "name": server, "seconds": round(seconds, 3), "still_running": still})
        return
    out.print(f"{user}'s server stopped after {seconds:.2f} s", markup=False)
    for one in others:
        named = f"server {one.name}" if one.name else "default server"
        out.print(f"{user}'s {named} still runs, on {one.host}", markup=False)
    for process in left:
        out.print(f"{process.host} still runs {process.pid}: {process.command}", markup=False)
    if not left:
        out.print(f"no node runs anything for {user}", markup=False)
