"""`hublab graph`: draws a topology or a running lab, as Mermaid or SVG."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click
from click.core import ParameterSource

from hublab.addresses import prefix
from hublab.cli.common import common, files_option
from hublab.cli.json_output import emit
from hublab.deployment.plan import make_plan
from hublab.engine import Engine
from hublab.errors import HublabError, MachineError, NoSuchLab
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.servers import Server
from hublab.topology.graph import Graph, as_mermaid, as_svg, graph_of

WRITERS = {"mermaid": as_mermaid, "svg": as_svg}


@click.command()
@files_option("Draw these Compose files instead of a running lab; repeatable.")
@click.option("--format", "form", type=click.Choice([*WRITERS]), default="mermaid")
@common
def graph(files: tuple[Path, ...], form: str, name: str, as_json: bool) -> None:
    """Draw a lab's hosts, addresses and connections.

    Prints the drawing of the running lab on stdout, with the states of its hosts and the servers on
    its nodes; else the drawing of the Compose files, by default the project's compose/lab.yaml.

    \b
    Examples:
      hublab graph
      hublab graph --format svg > lab.svg
      hublab graph -f my.yaml
    """
    source = click.get_current_context().get_parameter_source("name")
    if files:
        lab = None
    elif source is ParameterSource.DEFAULT:
        lab = running(name)
    else:
        lab = Lab.find(name, Engine.connect())  # whoever names one wants no other drawing
    picture = of_lab(lab) if lab else graph_of(make_plan(files).topology, name)
    if as_json:
        emit(asdict(picture))
    else:
        click.echo(WRITERS[form](picture), nl=False)


def running(name: str) -> Lab | None:
    """The lab of that name, None where none runs or no engine answers."""
    try:
        return Lab.find(name, Engine.connect())
    except (NoSuchLab, MachineError):
        return None


def of_lab(lab: Lab) -> Graph:
    """The picture of a running lab."""
    extra = {host.service: [host.state] for host in lab.hosts.values() if host.state != "running"}
    for server in servers(lab):
        label = f"{server.label} :{server.port}"
        extra.setdefault(str(server.host), []).append(label)
    variables = {"HUBLAB_SUBNET": prefix(lab.subnet)} if lab.subnet else {}
    return graph_of(make_plan(lab.compose_files, variables=variables).topology, lab.name, extra)


def servers(lab: Lab) -> list[Server]:
    """The servers that run; none if the hub does not answer, so that the rest is drawn anyway."""

    async def ask() -> list[Server]:
        async with connect(lab) as live:
            return [server for server in await live.servers() if server.ready]

    try:
        return asyncio.run(ask())
    except HublabError:
        return []
