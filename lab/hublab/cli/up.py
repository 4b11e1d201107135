"""`hublab up`: a lab comes up, or is found running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from hublab.cli.common import common, emit, files_option, open_journal, out, steps, table
from hublab.cli.progress import Steps
from hublab.deployment.creation import Created, Request, create, make_ready, one_at_a_time
from hublab.deployment.own_config import Override, OwnConfig
from hublab.journal.events import LabUp, SettingsApplied
from hublab.running.hub_address import hub_url
from hublab.running.lab import Lab
from hublab.running.settings_lock import settings_lock
from hublab.settings.values import Settings
from hublab.topology.more_nodes import FEWEST, MOST


@click.command()
@files_option("A Compose file; may be said several times. Default: the project's compose/lab.yaml.")
@click.option(
    "--set",
    "texts",
    multiple=True,
    metavar="SETTING=VALUE",
    help="A setting that holds from the start, for instance hub.JupyterHub.hub_connect_ip=hub.",
)
@click.option(
    "--nodes",
    type=click.IntRange(FEWEST, MOST),
    envvar="HUBLAB_NODES",
    show_envvar=True,
    help="How many nodes the project's own topology gets.",
)
@click.option(
    "--hub-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A jupyterhub_config.py of your own, laid over the lab's.",
)
@click.option(
    "--server-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A jupyter_server_config.py of your own, for the servers on the nodes.",
)
@common
def up(
    files: tuple[Path, ...],
    texts: tuple[str, ...],
    nodes: int | None,
    hub_config: Path | None,
    server_config: Path | None,
    name: str,
    as_json: bool,
) -> None:
    """Bring a lab up, or find it running: hub, proxy, nodes and client, an address each.

    Images are built only when what they are made from has changed. A lab that fails to come up
    is removed again. Settings given for a lab that runs are added to those that it has.

    A configuration of your own holds but for what cannot work here (addresses, the proxy, how
    servers start, how people sign in): that is listed, with the reason.

    \b
    Examples:
      hublab up
      hublab up --name second --nodes 4
      hublab up --set hub.JupyterHub.hub_connect_ip=hub --set proxy.timeout=30000
      hublab up -f compose/lab.yaml -f compose/postgres.yaml
      hublab up --hub-config jupyterhub_config.py
    """
    settings = Settings.parse(texts, where="--set")
    own = OwnConfig(hub_config, server_config)
    created, seconds = bring_up(Request(name, files, settings, nodes, own), steps())
    lab = created.lab
    if as_json:
        answer = {**lab.as_json(), "url": hub_url(lab), "seconds": round(seconds, 3)}
        emit({**answer, "overridden": [asdict(one) for one in created.overridden]})
    else:
        show_hosts(lab)
        show_overridden(created.overridden)
        out.print(f"\nlab {name} is up after {seconds:.1f} s: {hub_url(lab)}", markup=False)


def bring_up(request: Request, say: Steps) -> tuple[Created, float]:
    """Bring a lab up for good; returns it and the seconds without those for images."""
    with one_at_a_time(say):
        return bring_up_alone(request, say)


def bring_up_alone(request: Request, say: Steps) -> tuple[Created, float]:
    """Bring a lab up while nobody else does."""
    created = create(request, say)
    lab = created.lab
    settings, waited = asyncio.run(settle(created, request.settings, say))
    seconds = created.container_seconds + waited
    with open_journal(lab, "up") as journal:
        hosts = tuple(lab.as_json()["hosts"])
        journal.write(LabUp(lab.name, lab.subnet, hosts, round(seconds, 3)))
        journal.write(SettingsApplied(lab.name, "", settings.digest, settings.as_json()))
    if created.guard:
        created.guard.release()
    return created, seconds


async def settle(created: Created, more: Settings, say: Steps) -> tuple[Settings, float]:
    """Wait until a lab is ready, with more settings; returns what is set, and the seconds."""
    async with settings_lock(created.lab.name, say):
        settings = created.lab.settings().merged(more)
        waited, _ = await make_ready(created, settings, say)
    return settings, waited


def show_overridden(overridden: Iterable[Override]) -> None:
    """What of the user's own configuration files does not hold: theirs, ours, and why."""
    for one in overridden:
        theirs = "(JupyterHub's default)" if one.theirs is None else one.theirs
        ours = "(not set)" if one.ours is None else one.ours
        out.print(f"\n{one.trait}: {theirs} -> {ours}\n    {one.why}", markup=False)


def show_hosts(lab: Lab) -> None:
    """The table of hosts."""
    rows = table(None, "HOST", "ROLE", "ADDRESS", "STATE", "CONTAINER")
    for host in lab.hosts.values():
        rows.add_row(host.service, host.role, host.address, host.state, host.name)
    out.print(rows)
