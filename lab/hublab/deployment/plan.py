"""The plan of a lab: all that follows from its Compose files alone, in memory.

Nothing is written, nobody waits, no engine is asked. Files that make no lab are refused here.
`up`, `graph`, `export`, `explain`, `validate`, `bench` and pytest start from the same plan;
`resolution` adds what depends on the engine, and `creation` alone writes, last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hublab.checkouts import Checkout
from hublab.deployment.compose_problems import compose_problem
from hublab.deployment.variables import check_environment
from hublab.engine import Compose, ComposeRefusal
from hublab.errors import UsageError
from hublab.paths import COMPOSE, ROOT
from hublab.running.lab import DEFAULT_NAME
from hublab.topology.defaults import (
    FEWEST_NODES,
    MOST_NODES,
    overlay_text,
    stand_in_images,
)
from hublab.topology.model import Topology
from hublab.topology.packages import Packages, packages_in
from hublab.topology.problems import Problem, TopologyErrors
from hublab.topology.reading import read_topology, service_problems


@dataclass(frozen=True, slots=True)
class Plan:
    """What Compose files come to, under whichever name. Made by `make_plan`."""

    files: tuple[Path, ...]
    """The user's Compose files, or the project's own."""
    overlay: str
    """The text of one more Compose file that completes them; empty if they are complete."""
    topology: Topology
    """The hosts, with addresses as the files have them before a free subnet is chosen."""
    nodes: int | None = None
    """How many nodes were asked for; None: as many as the files have."""
    packages: Mapping[str, Packages] = field(default_factory=dict)
    """Service -> what it gets on top of the software of its image."""
    checkouts: tuple[Checkout, ...] = ()
    """Working trees that it runs in place of releases."""

    def compose(self, name: str, variables: Mapping[str, str] | None = None) -> Compose:
        """The Compose project of a lab, with values for the variables of its files."""
        return Compose(self.files, name, variables, self.overlay)


def make_plan(
    files: Iterable[Path] = (),
    nodes: int | None = None,
    variables: Mapping[str, str] | None = None,
    packages: Mapping[str, Packages] | None = None,
    checkouts: tuple[Checkout, ...] = (),
) -> Plan:
    """Plan a lab from Compose files, by default the project's own, with so many nodes.

    `variables` are those that the files read; without them the files' own defaults count.
    `packages` are for the hosts of a role, on top of those that the files give a service;
    `checkouts` are working trees in place of releases. Raises UsageError for a variable of the
    environment that no lab can have, TopologyErrors or TopologyError for files that make no lab,
    MachineError without Docker Compose.
    """
    if nodes is not None and not (isinstance(nodes, int) and FEWEST_NODES <= nodes <= MOST_NODES):
        raise UsageError(f"{nodes!r} nodes", hint=f"a number from {FEWEST_NODES} to {MOST_NODES}")
    check_environment()  # Compose would refuse the same variables with words of its own
    whole = chosen_files(files)
    try:
        overlay = overlay_text(whole, ROOT, nodes)
    except TopologyErrors as errors:
        more = problems_besides(whole, variables)
        raise TopologyErrors([*errors.problems, *more]) from errors
    try:
        config = Compose(whole, DEFAULT_NAME, variables, overlay).config()
    except ComposeRefusal as refusal:
        raise TopologyErrors([compose_problem(refusal.said, whole)]) from refusal
    topology = read_topology(config, whole)
    chosen = all_packages(whole, topology, packages or {})
    return Plan(whole, overlay, topology, nodes, chosen, checkouts)


def problems_besides(files: tuple[Path, ...], variables: Mapping[str, str] | None) -> list[Problem]:
    """What else is wrong with files that the defaults do not complete, to tell all at once."""
    try:
        config = Compose(files, DEFAULT_NAME, variables, stand_in_images(files)).config()
    except ComposeRefusal as refusal:
        return [compose_problem(refusal.said, files)]
    return service_problems(config, files)


def all_packages(
    files: tuple[Path, ...], topology: Topology, by_role: Mapping[str, Packages]
) -> dict[str, Packages]:
    """Service -> its packages: those of the files, and those for its roles. Raises UsageError."""
    problems = [problem for one in by_role.values() for problem in one.all_problems]
    if len(problems) == 1:
        raise UsageError(problems[0].reason, where=str(problems[0].position), hint=problems[0].hint)
    if problems:
        raise UsageError("\n".join(map(str, problems)))
    found = packages_in(files, topology)
    for host in topology.hosts:
        for packages in (by_role[role] for role in host.roles if role in by_role):
            found[host.service] = found.get(host.service, Packages()).and_those(packages)
    return {service: packages for service, packages in found.items() if packages}


def chosen_files(files: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The files with whole paths; without any, the project's own topology."""
    return tuple(path.resolve() for path in files) or (COMPOSE / "lab.yaml",)
