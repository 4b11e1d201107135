"""`hublab ps`: lists the hosts and servers of a lab."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from hublab.cli.common import common, err, find, out, table, with_live
from hublab.cli.json_output import emit
from hublab.cli.sign_in import as_data, find_sign_in, show_password_option, show_sign_in
from hublab.cli.up import show_hosts
from hublab.errors import HublabError
from hublab.running.hub_address import hub_url
from hublab.running.live import LiveLab
from hublab.running.servers import Server

PUBLIC = ("user", "name", "host", "address", "port", "pid", "ready")


@click.command()
@show_password_option
@common
def ps(show_password: bool, name: str, as_json: bool) -> None:
    """List a lab's hosts, and the servers that its hub knows.

    It also prints how to sign in. The password is the same for every user but admin.

    \b
    Examples:
      hublab ps
      hublab ps --json | jq '.hosts[].address'
    """
    lab = find(name)
    servers: list[Server] | None = None
    try:
        servers = with_live(name, list_servers)
    except HublabError as error:
        err.print(f"the servers are unknown: {error}", markup=False)
    url = hub_url(lab) if lab.published else None
    if as_json:
        known = None if servers is None else [public_fields(server) for server in servers]
        known_sign_in = as_data(find_sign_in(lab), show_password)
        emit({**lab.as_json(), "url": url, "sign_in": known_sign_in, "servers": known})
        return
    out.print("  ".join(filter(None, (f"lab {lab.name}", lab.subnet, url))) + "\n", markup=False)
    show_hosts(lab)
    if servers:
        show_servers(servers)
    out.print()
    show_sign_in(find_sign_in(lab), show_password)


async def list_servers(live: LiveLab) -> list[Server]:
    return await live.servers()


def public_fields(server: Server) -> dict[str, Any]:
    """The fields of a server that commands print with `--json`."""
    return {key: value for key, value in asdict(server).items() if key in PUBLIC}


def show_servers(servers: list[Server]) -> None:
    """The table of servers."""
    rows = table(None, "USER", "SERVER", "HOST", "ADDRESS", "PORT", "PID", "READY")
    for server in servers:
        values = (server.user, server.name, server.host, server.address, server.port, server.pid)
        rows.add_row(*("" if v is None else str(v) for v in values), str(server.ready).lower())
    out.print()
    out.print(rows)
