"""`hublab graph`: a topology, or a running lab, as Mermaid or SVG."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from hublab.cli.common import common, emit, files_option
from hublab.deployment.creation import Request
from hublab.engine import Compose, Engine
from hublab.errors import HublabError, MachineError, NoSuchLab
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.servers import Server
from hublab.topology.graph import Graph, as_mermaid, as_svg, graph_of
from hublab.topology.reading import Topology, read_topology

WRITERS = {"mermaid": as_mermaid, "svg": as_svg}


@click.command()
@files_option("Draw these Compose files and no running lab; may be said several times.")
@click.option("--format", "form", type=click.Choice([*WRITERS]), default="mermaid")
@common
def graph(files: tuple[Path, ...], form: str, name: str, as_json: bool) -> None:
    """Draw the hosts, their addresses, and who speaks to whom, on stdout.

    Of a lab that runs, with the states of its hosts and the servers on its nodes; else of the
    files, by default the project's compose/lab.yaml.

    \b
    Examples:
      hublab graph
      hublab graph --format svg > lab.svg
      hublab graph -f my.yaml
    """
    lab = None if files else running(name)
    picture = of_lab(lab) if lab else graph_of(topology_of(Request(name, files)))
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


def topology_of(request: Request, subnet: str | None = None) -> Topology:
    """The topology of Compose files, on a lab's own subnet where it has one."""
    variables = {"HUBLAB_SUBNET": subnet.rpartition(".")[0]} if subnet else {}
    config = Compose(request.compose_files, request.name, variables).config()
    return read_topology(config, request.given_files)


def of_lab(lab: Lab) -> Graph:
    """The picture of a running lab."""
    files = tuple(Path(file) for file in lab.one("hub").config_files.split(",") if file)
    extra = {host.service: [host.state] for host in lab.hosts.values() if host.state != "running"}
    for server in servers(lab):
        label = f"{server.label} :{server.port}"
        extra.setdefault(str(server.host), []).append(label)
    return graph_of(topology_of(Request(lab.name, files), lab.subnet), extra)


def servers(lab: Lab) -> list[Server]:
    """The servers that run, none where the hub cannot be asked: a picture is drawn anyway."""

    async def ask() -> list[Server]:
        async with connect(lab) as live:
            return [server for server in await live.servers() if server.ready]

    try:
        return asyncio.run(ask())
    except HublabError:
        return []
