"""`hublab ls`: lists the labs on this engine."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import click

from hublab.cli.common import err, out, table
from hublab.cli.json_output import emit, json_option
from hublab.engine import Engine
from hublab.errors import HublabError, NoSuchLab
from hublab.running.hub_address import hub_url
from hublab.running.lab import Lab


@dataclass(frozen=True, slots=True)
class Listed:
    """One lab; without hosts, if only leftovers of it are there."""

    name: str
    hosts: int
    running: int
    subnet: str | None
    url: str | None


@click.command("ls")
@json_option
def ls_command(as_json: bool) -> None:
    """List the labs on this engine.

    \b
    Examples:
      hublab ls
      hublab ls --json | jq -r '.[].name'
    """
    engine = Engine.connect()
    labs = [listed(name, engine) for name in engine.labs()]
    if as_json:
        emit([asdict(lab) for lab in labs])
        return
    if not labs:
        err.print("there is no lab on this engine; `hublab up` makes one", markup=False)
        return
    rows = table(None, "LAB", "HOSTS", "SUBNET", "ADDRESS")
    for lab in labs:
        hosts = f"{lab.running} of {lab.hosts} running" if lab.hosts else "none left"
        rows.add_row(lab.name, hosts, lab.subnet or "", lab.url or "")
    out.print(rows)


def listed(name: str, engine: Engine) -> Listed:
    """What a listing says of one lab, which may come up or go at the same time."""
    try:
        lab = Lab.find(name, engine)
    except NoSuchLab:
        return Listed(name, 0, 0, engine.subnet_of(name), None)
    running = sum(host.state == "running" for host in lab.hosts.values())
    return Listed(name, len(lab.hosts), running, lab.subnet or None, address_of(lab))


def address_of(lab: Lab) -> str | None:
    """Where a browser opens the lab's hub; None where no port is published, or the lab is going."""
    try:
        return hub_url(lab) if lab.published else None
    except HublabError:
        return None
