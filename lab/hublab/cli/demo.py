"""`hublab demo`: a notebook on another host than the hub's, and what each host logged of it."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict
from typing import Any

import click

from hublab.cli.common import common, open_journal, out, steps, table
from hublab.cli.json_output import emit
from hublab.cli.ps import public_fields
from hublab.cli.sign_in import as_data, in_words, show_password_option
from hublab.cli.spawn import show_progress
from hublab.cli.up import bring_up, show_hosts
from hublab.deployment.plan import make_plan
from hublab.journal.events import Observed
from hublab.progress import Steps
from hublab.running.hub_address import hub_url
from hublab.running.kernel import CellResult
from hublab.running.lab import Lab
from hublab.running.live import LiveLab, connect
from hublab.running.servers import Server
from hublab.running.sign_in import sign_in_of

USER, NODE = "alice", "node1"
CELL = """
import os, socket
name = socket.gethostname()
print(f"user {os.environ['JUPYTERHUB_USER']} on {name}, address {socket.gethostbyname(name)}")
"""
HUB_LINE = re.compile(rf"POST /hub/login .*\({USER}@([0-9.]+)\)")
SERVER_LINE = re.compile(rf"GET /user/{USER}/\S* .*@([0-9.]+)\)")


@click.command()
@show_password_option
@common
def demo(show_password: bool, name: str, as_json: bool) -> None:
    """Bring a lab up, and run a cell in a notebook on another host.

    The hub starts the notebook on a node, by SSH. The lab stays up; `hublab down` removes it.

    \b
    Examples:
      hublab demo
      hublab demo --json
    """
    say = steps()
    say("bringing the lab up")
    lab, created = bring_up(make_plan(), name, say)
    seconds = created.seconds
    if not as_json:
        out.print(f"\n[bold]The hosts[/bold], up after {seconds:.1f} s, images not counted\n")
        show_hosts(lab)
        out.print(f"\n[bold]{USER}'s server starts on {NODE}[/bold], by SSH from the hub\n")
    server, cell, seen = asyncio.run(run_demo(lab, say))
    if as_json:
        emit(
            {
                **lab.as_json(),
                "url": hub_url(lab),
                "sign_in": as_data(sign_in_of(lab, USER), show_password),
                "server": {
                    **public_fields(server),
                    "events": [asdict(event) for event in server.events],
                },
                "cell": asdict(cell),
                "client_address": seen,
            }
        )
        return
    show_events(server)
    out.print("\n[bold]A cell in a real kernel there[/bold], through the proxy's WebSocket\n")
    out.print(f"  {cell.stdout.strip()}   ({cell.seconds:.2f} s)", markup=False)
    show_addresses(lab, seen)
    show_browser(lab, show_password)


async def run_demo(lab: Lab, say: Steps) -> tuple[Server, CellResult, dict[str, Any]]:
    """Start a server, run the cell, and read which client address the hosts logged."""
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
    """The client address in the last line of a log that matches; None if no line does."""
    found = line.findall(log)
    return str(found[-1]) if found else None


def show_events(server: Server) -> None:
    """Print the progress of the spawn as its user sees it."""
    if not server.events:
        out.print(f"  It already runs on {server.host} ({server.address}:{server.port})")
        return
    rows = table(None, "SECONDS", "PROGRESS", "WHAT THE USER SEES")
    for event in server.events:
        progress = "" if event.progress is None else f"{event.progress} %"
        rows.add_row(f"{event.t:.2f}", progress, event.message)
    out.print(rows)


def show_addresses(lab: Lab, seen: dict[str, Any]) -> None:
    """Print which client address each host logged."""
    out.print(
        f"\n[bold]Which client did each host log?[/bold] The request came from {seen['client']}\n"
    )
    rows = table(None, "HOST", "LOGGED THE CLIENT AS")
    rows.add_row(lab.one("hub").service, seen["hub"] or "no request of this user")
    rows.add_row(
        lab.one("proxy").service,
        seen["proxy"]
        or "nothing: configurable-http-proxy passes the address on (X-Forwarded-For) "
        "and does not log it",
    )
    rows.add_row(f"{USER}'s server on {NODE}", seen["server"] or "no request in its log")
    out.print(rows)


def show_browser(lab: Lab, show_password: bool) -> None:
    """Print how to sign in, and which commands to try next."""
    out.print("\n[bold]Open it in a browser[/bold]\n")
    out.print(f"  {in_words(sign_in_of(lab, USER), show_password)}", markup=False)
    out.print("\n[bold]What to try next[/bold]\n")
    for command, what in (
        ("reach", "try every hop from the host that makes it"),
        ("ps", "list hosts and servers"),
        ("down", "remove the lab completely"),
    ):
        out.print(f"  .venv/bin/hublab {command + lab.name_option:<24} {what}", markup=False)
