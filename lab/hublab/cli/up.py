"""`hublab up`: a lab comes up, or is found running."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from hublab.cli.common import common, emit, open_journal, out, steps, table
from hublab.cli.progress import Steps
from hublab.deployment import Request, create, make_ready, one_at_a_time
from hublab.journal_events import LabUp, SettingsApplied
from hublab.lab import Lab
from hublab.nodes import FEWEST, MOST
from hublab.settings import Settings


@click.command()
@click.option(
    "--file",
    "-f",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Compose file; may be said several times. Default: the project's compose/lab.yaml.",
)
@click.option(
    "--set",
    "texts",
    multiple=True,
    metavar="SETTING=VALUE",
    help="A setting of the first case, for instance hub.JupyterHub.hub_connect_ip=hub.",
)
@click.option(
    "--nodes",
    type=click.IntRange(FEWEST, MOST),
    envvar="HUBLAB_NODES",
    show_envvar=True,
    help="How many nodes the project's own topology gets.",
)
@common
def up(
    files: tuple[Path, ...],
    texts: tuple[str, ...],
    nodes: int | None,
    name: str,
    as_json: bool,
) -> None:
    """Bring a lab up, or find it running: hub, proxy, nodes and client, an address each.

    Images are built only when what they are made from has changed. A lab that fails to come up
    is removed again. Settings given for a lab that runs are added to those that it has.

    \b
    Examples:
      hublab up
      hublab up --name second --nodes 4
      hublab up --set hub.JupyterHub.hub_connect_ip=hub --set proxy.timeout=30000
      hublab up -f compose/lab.yaml -f compose/postgres.yaml
    """
    settings = Settings.parse(texts, where="--set")
    created, seconds = bring_up(Request(name, files, settings, nodes), steps())
    if as_json:
        emit({**created.as_json(), "seconds": round(seconds, 3)})
    else:
        show_hosts(created)
        out.print(f"\nlab {name} is up after {seconds:.1f} s: {created.url}", markup=False)


def bring_up(request: Request, say: Steps) -> tuple[Lab, float]:
    """Bring a lab up for good; returns it and the seconds without those for images."""
    with one_at_a_time():
        return bring_up_alone(request, say)


def bring_up_alone(request: Request, say: Steps) -> tuple[Lab, float]:
    """Bring a lab up while nobody else does."""
    created = create(request, say)
    lab = created.lab
    settings = lab.settings().merged(request.settings)
    waited, _ = asyncio.run(make_ready(created, settings, say))
    seconds = created.container_seconds + waited
    with open_journal(lab, "up") as journal:
        hosts = tuple(lab.as_json()["hosts"])
        journal.write(LabUp(lab.name, lab.subnet, hosts, round(seconds, 3)))
        journal.write(SettingsApplied(lab.name, "", settings.digest, settings.as_json()))
    if created.guard:
        created.guard.release()
    return lab, seconds


def show_hosts(lab: Lab) -> None:
    """The table of hosts."""
    rows = table(None, "HOST", "ROLE", "ADDRESS", "STATE", "CONTAINER")
    for host in lab.hosts.values():
        rows.add_row(host.service, host.role, host.address, host.state, host.name)
    out.print(rows)
