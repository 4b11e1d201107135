"""`hublab ps`: lists the hosts, programs, settings and servers of a lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click
from rich.markup import escape

from hublab.cli.common import common, err, find, out, table, with_live
from hublab.cli.json_output import emit
from hublab.cli.sign_in import (
    as_data,
    find_sign_in,
    show_other_hubs,
    show_password_option,
    show_sign_in,
)
from hublab.cli.sources import show_sources, sources_as_data
from hublab.errors import HublabError
from hublab.running.hub_address import hub_url
from hublab.running.lab import Lab
from hublab.running.live import LiveLab
from hublab.running.program_states import ProgramState, program_states
from hublab.running.servers import Server
from hublab.running.sources import sources_in
from hublab.settings.syntax import format_value
from hublab.settings.values import NO_SETTINGS, Settings

PUBLIC = ("user", "name", "host", "address", "port", "pid", "ready")


@click.command()
@show_password_option
@common
def ps(show_password: bool, name: str, as_json: bool) -> None:
    """List a lab's hosts, and the servers that its hub knows.

    STATE is the container's, PROGRAM that of what the host runs. Settings are those that were set,
    as `hublab set` lists them. Working trees that run in place of releases are named. It also
    prints how to sign in. The password is the same for every user but admin.

    \b
    Examples:
      hublab ps
      hublab ps --json | jq '.hosts[].address'
    """
    lab = find(name)
    states = program_states(lab)
    servers: list[Server] | None = None
    try:
        servers = with_live(name, list_servers)
    except HublabError as error:
        err.print(f"the servers are unknown: {error}", markup=False)
    url = hub_url(lab) if lab.published else None
    if as_json:
        known = None if servers is None else [public_fields(server) for server in servers]
        known_sign_in = as_data(find_sign_in(lab), show_password)
        settings, due = settings_of(lab)
        answer = {**lab.as_json(), "url": url, "sign_in": known_sign_in, "servers": known}
        answer["hosts"] = [
            {**one, "program": as_program(states[one["name"]])} for one in answer["hosts"]
        ]
        answer["sources"] = sources_as_data(sources_in(lab))
        emit({**answer, "settings": settings.masked(), "due": list(due)})
        return
    out.print("  ".join(filter(None, (f"lab {lab.name}", lab.subnet, url))) + "\n", markup=False)
    show_programs(lab, states)
    show_sources(sources_in(lab))
    if servers:
        show_servers(servers)
    show_settings(lab)
    out.print()
    show_sign_in(find_sign_in(lab), show_password)
    show_other_hubs(lab)


def as_program(state: ProgramState | None) -> dict[str, Any] | None:
    """A host's program in the form of `--json`."""
    return asdict(state) if state else None


def show_programs(lab: Lab, states: Mapping[str, ProgramState | None]) -> None:
    """The table of hosts with their programs."""
    rows = table(None, "HOST", "ROLE", "ADDRESS", "STATE", "PROGRAM", "CONTAINER")
    for host in lab.hosts.values():
        state = states[host.service]
        text = escape(f"{state.name} {state.text}") if state else ""
        bad = state is not None and state.state != "up"
        shown = f"[red]{text}[/red]" if bad else text
        rows.add_row(host.service, host.role, host.address, host.state, shown, host.name)
    out.print(rows)


def settings_of(lab: Lab) -> tuple[Settings, tuple[str, ...]]:
    """What the lab was given, and what may not hold yet; nothing in a lab without a hub."""
    return lab.case() if lab.of_role("hub") else (NO_SETTINGS, ())


def show_settings(lab: Lab) -> None:
    """The settings in force, and those that may not be."""
    settings, due = settings_of(lab)
    if settings:
        out.print("\nsettings", markup=False)
    for key, value in settings.masked().items():
        late = "   (may not be in effect)" if key in due else ""
        out.print(f"  {key}={format_value(key, value)}{late}", markup=False)


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
