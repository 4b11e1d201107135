"""`hublab demo`: a notebook on another host, what each host logged of it, and a broken hub."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict, dataclass
from typing import Any

import click

from hublab.cli.common import common, open_journal, out, steps, table
from hublab.cli.demo_broken import BrokenHub, break_and_heal, show_broken
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
from hublab.running.server_log import logs_on
from hublab.running.servers import Server
from hublab.running.sign_in import sign_in_of

USER, NODE = "alice", "node1"
CELL = """
import os, socket
name = socket.gethostname()
print(f"user {os.environ['JUPYTERHUB_USER']} on {name}, address {socket.gethostbyname(name)}")
"""
HUB_LINE = re.compile(rf"POST /hub/login .*\({USER}@([0-9.]+)\)")
LOGGED_WITHIN = 3.0
"""Seconds in which a server has logged what it has answered."""
POLL = 0.1
SERVER_LINE = re.compile(rf"GET /user/{USER}/\S* .*@([0-9.]+)\)")


@click.command()
@show_password_option
@common
def demo(show_password: bool, name: str, as_json: bool) -> None:
    """Bring a lab up, and run a cell in a notebook on another host.

    The hub starts the notebook on a node, by SSH. Then the hub gets a wrong address for some
    seconds: what two users on two nodes see of that, and what `reach` blames. Its settings are as
    before afterwards, also after Ctrl-C. The lab stays up; `hublab down` removes it.

    \b
    Examples:
      hublab demo
      hublab demo --json
    """
    say = steps()
    say("bringing the lab up")
    lab, created = bring_up(make_plan(), name, say)
    if not as_json:
        out.print(
            f"\n[bold]The hosts[/bold], up after {created.seconds:.1f} s, images not counted\n"
        )
        show_hosts(lab)
    shown = asyncio.run(run_demo(lab, say))
    if as_json:
        server = shown.server
        emit(
            {
                **lab.as_json(),
                "url": hub_url(lab),
                "sign_in": as_data(sign_in_of(lab, USER), show_password),
                "server": {
                    **public_fields(server),
                    "events": [asdict(event) for event in server.events],
                },
                "cell": asdict(shown.cell),
                "client_address": shown.client,
                "broken": shown.broken and shown.broken.as_json(),
            }
        )
        return
    show_events(shown.server)
    out.print("\n[bold]A cell in a real kernel there[/bold], through the proxy's WebSocket\n")
    out.print(f"  {shown.cell.stdout.strip()}   ({shown.cell.seconds:.2f} s)", markup=False)
    show_addresses(lab, shown)
    show_broken(shown.broken)
    show_browser(lab, show_password)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo did and saw."""

    server: Server
    cell: CellResult
    client: dict[str, Any]
    """The client's address, and how the hosts logged it."""
    broken: BrokenHub | None


async def run_demo(lab: Lab, say: Steps) -> Shown:
    """Start a server, run a cell, read which client the hosts logged; then break the hub."""
    with open_journal(lab, "demo") as journal:
        async with connect(lab, journal) as live:
            server = await live.server(USER)
            if server is None or not server.ready:
                say(f"starting {USER}'s server")
                # One whose start is under way already goes where it goes.
                on = NODE if server is None else None
                server = await live.spawn(USER, on=on, watch=show_progress)
            say("signing in and running a cell")
            begun, log = time.time(), await asyncio.to_thread(log_of, lab, server)
            async with await live.sign_in(USER) as visitor:
                await visitor.open_server()
                async with visitor.kernel() as kernel:
                    cell = await kernel.run(CELL)
                seen = await client_addresses(live, server, begun, log)
                live.record(Observed("demo", {"cell": asdict(cell), "client": seen}))

                async def answers() -> int:
                    async with visitor.session.get(visitor.server_url() / "api") as answer:
                        return answer.status

                broken = await break_and_heal(live, server, answers, say)
    return Shown(server, cell, seen, broken)


def log_of(lab: Lab, server: Server) -> str:
    """What the server has logged since this start of it; nothing where its node is not known."""
    logs = logs_on(lab, server.user, server.host) if server.host else []
    return next((log.text for log in reversed(logs) if log.server == server.name), "")


async def client_addresses(
    live: LiveLab, server: Server, begun: float, before: str
) -> dict[str, Any]:
    """The client's address as hub and server logged it since then; the proxy logs none.

    `before` is what the server's log held then: it may hold requests of other clients.
    """
    lab = live.lab
    hub_log = await asyncio.to_thread(lab.engine.logs, lab.one("hub").id, since=begun)
    proxy_log = await asyncio.to_thread(lab.engine.logs, lab.one("proxy").id, since=begun)
    end = time.monotonic() + LOGGED_WITHIN
    while True:
        text = await asyncio.to_thread(log_of, lab, server)
        at_server = last_match(SERVER_LINE, text[len(before) :])
        if at_server or time.monotonic() > end:
            break
        await asyncio.sleep(POLL)
    address = str(lab.one("client").address)
    return {
        "client": address,
        "hub": last_match(HUB_LINE, hub_log),
        "server": at_server,
        "proxy": address if address in proxy_log else None,
    }


def last_match(line: re.Pattern[str], log: str) -> str | None:
    """The client address in the last line of a log that matches; None if no line does."""
    found = line.findall(log)
    return str(found[-1]) if found else None


def show_events(server: Server) -> None:
    """Print the progress of the spawn as its user sees it."""
    out.print(f"\n[bold]{USER}'s server on {server.host}[/bold], started by SSH from the hub\n")
    if not server.events:
        out.print(f"  It runs already, on {server.host} ({server.address}:{server.port})")
        return
    rows = table(None, "SECONDS", "PROGRESS", "WHAT THE USER SEES")
    for event in server.events:
        progress = "" if event.progress is None else f"{event.progress} %"
        rows.add_row(f"{event.t:.2f}", progress, event.message)
    out.print(rows)


def show_addresses(lab: Lab, shown: Shown) -> None:
    """Print which client address each host logged."""
    seen = shown.client
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
    rows.add_row(
        f"{USER}'s server on {shown.server.host}", seen["server"] or "no request in its log"
    )
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
