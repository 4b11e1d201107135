"""`hublab demo`: a notebook on another host, and what each host saw of it."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict
from typing import Any

import click

from hublab.cli.common import common, emit, open_journal, out, steps, table
from hublab.cli.progress import Steps
from hublab.cli.ps import shown
from hublab.cli.spawn import show_progress
from hublab.cli.up import bring_up, show_hosts
from hublab.deployment.creation import Request
from hublab.journal.events import Observed
from hublab.running.hub_address import hub_url
from hublab.running.kernel import CellResult
from hublab.running.lab import Lab
from hublab.running.live import LiveLab, connect
from hublab.running.servers import Server

USER, NODE = "alice", "node1"
CELL = """
import os, socket
name = socket.gethostname()
print(f"user {os.environ['JUPYTERHUB_USER']} on {name}, address {socket.gethostbyname(name)}")
"""
HUB_LINE = re.compile(rf"POST /hub/login .*\({USER}@([0-9.]+)\)")
SERVER_LINE = re.compile(rf"GET /user/{USER}/\S* .*@([0-9.]+)\)")


@click.command()
@common
def demo(name: str, as_json: bool) -> None:
    """Bring a lab up, start a notebook on another host than the hub's, and run a cell there.

    The lab stays up afterwards; `hublab down` ends it.

    \b
    Examples:
      hublab demo
      hublab demo --json
    """
    say = steps()
    say("bringing the lab up")
    created, seconds = bring_up(Request(name), say)
    lab = created.lab
    if not as_json:
        out.print(f"\n[bold]The hosts[/bold], up after {seconds:.1f} s without the images\n")
        show_hosts(lab)
        out.print(f"\n[bold]{USER}'s server starts on {NODE}[/bold], by SSH from the hub\n")
    server, cell, seen = asyncio.run(play(lab, say))
    if as_json:
        emit(
            {
                **lab.as_json(),
                "url": hub_url(lab),
                "server": {**shown(server), "events": [asdict(event) for event in server.events]},
                "cell": asdict(cell),
                "client_address": seen,
            }
        )
        return
    show_events(server)
    out.print("\n[bold]A cell in a real kernel there[/bold], through the proxy's WebSocket\n")
    out.print(f"  {cell.stdout.strip()}   ({cell.seconds:.2f} s)", markup=False)
    show_addresses(lab, seen)
    show_browser(lab)


async def play(lab: Lab, say: Steps) -> tuple[Server, CellResult, dict[str, Any]]:
    """Spawn, run the cell, and read what the hosts logged of the client."""
    begun = time.time()
    with open_journal(lab, "demo") as journal:
        async with connect(lab, journal) as live:
            server = await live.server(USER)
            if server is None or not server.ready:
                say(f"starting {USER}'s server on {NODE}")
                server = await live.spawn(USER, on=NODE, watch=show_progress)
            say("signing in and running a cell")
            async with await live.sign_in(USER) as visitor:
                await visitor.open_server()
                async with visitor.kernel() as kernel:
                    cell = await kernel.run(CELL)
            seen = await asyncio.to_thread(client_addresses, live, begun)
            live.record(Observed("demo", {"cell": asdict(cell), "client": seen}))
    return server, cell, seen


def client_addresses(live: LiveLab, since: float) -> dict[str, Any]:
    """The client's address as the hub and the user's server logged it; the proxy logs none."""
    hub = last_match(HUB_LINE, live.lab.engine.logs(live.lab.one("hub").id, since=since))
    node = live.lab.output(NODE, "sh", "-c", f"cat /home/{USER}/.jupyterhub-ssh/*/*.log || true")
    proxy = live.lab.engine.logs(live.lab.one("proxy").id, since=since)
    address = str(live.lab.one("client").address)
    return {
        "client": address,
        "hub": hub,
        "server": last_match(SERVER_LINE, node),
        "proxy": address if address in proxy else None,
    }


def last_match(line: re.Pattern[str], log: str) -> str | None:
    """The client address in the last line of a log that is of the wanted kind."""
    found = line.findall(log)
    return str(found[-1]) if found else None


def show_events(server: Server) -> None:
    """The spawn as its user saw it."""
    if not server.events:
        out.print(f"  it runs already, on {server.host} ({server.address}:{server.port})")
        return
    rows = table(None, "SECONDS", "PROGRESS", "WHAT THE USER SEES")
    for event in server.events:
        progress = "" if event.progress is None else f"{event.progress} %"
        rows.add_row(f"{event.t:.2f}", progress, event.message)
    out.print(rows)


def show_addresses(lab: Lab, seen: dict[str, Any]) -> None:
    """Which client address the hosts logged."""
    out.print(f"\n[bold]Who was it?[/bold] The request came from {seen['client']}\n")
    rows = table(None, "HOST", "LOGGED THE CLIENT AS")
    rows.add_row(lab.one("hub").service, seen["hub"] or "no request of this user")
    rows.add_row(
        lab.one("proxy").service,
        seen["proxy"]
        or "nothing: configurable-http-proxy logs no client address, it passes it on "
        "(X-Forwarded-For)",
    )
    rows.add_row(f"{USER}'s server on {NODE}", seen["server"] or "no request in its log")
    out.print(rows)


def show_browser(lab: Lab) -> None:
    """How a person goes on from here."""
    out.print("\n[bold]Open it in a browser[/bold]\n")
    out.print(f"  {hub_url(lab)}   user {USER}   password {lab.secret('password')}", markup=False)
    out.print("\n[bold]Go on[/bold]\n")
    for command, what in (
        ("reach", "every hop, tried from inside the host that makes it"),
        ("ps", "hosts and servers"),
        ("down", "end the lab; nothing of it stays"),
    ):
        out.print(f"  .venv/bin/hublab {command + lab.name_option:<24} {what}", markup=False)
