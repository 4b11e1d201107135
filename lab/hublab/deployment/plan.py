"""The plan of a lab: all that follows from its Compose files alone, in memory.

Nothing is written, nobody waits, no engine is asked. Files that make no lab are refused here.
`up`, `graph`, `export`, `explain`, `validate`, `bench` and pytest start from the same plan;
`resolution` adds what depends on the engine, and `creation` alone writes, last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hublab.deployment.compose_problems import compose_problem
from hublab.deployment.variables import check_environment
from hublab.engine import Compose, ComposeRefusal
from hublab.paths import COMPOSE, ROOT
from hublab.running.lab import DEFAULT_NAME
from hublab.topology.defaults import overlay_text
from hublab.topology.model import Topology
from hublab.topology.problems import TopologyErrors
from hublab.topology.reading import read_topology


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

    def compose(self, name: str, variables: Mapping[str, str] | None = None) -> Compose:
        """The Compose project of a lab, with values for the variables of its files."""
        return Compose(self.files, name, variables, self.overlay)


def make_plan(
    files: Iterable[Path] = (),
    nodes: int | None = None,
    variables: Mapping[str, str] | None = None,
) -> Plan:
    """Plan a lab from Compose files, by default the project's own, with so many nodes.

    `variables` are those that the files read; without them the files' own defaults count. Raises
    UsageError for a variable of the environment that no lab can have, TopologyErrors or
    TopologyError for files that make no lab, MachineError without Docker Compose.
    """
    check_environment()  # Compose would refuse the same variables with words of its own
    whole = chosen_files(files)
    overlay = overlay_text(whole, ROOT, nodes)
    try:
        config = Compose(whole, DEFAULT_NAME, variables, overlay).config()
    except ComposeRefusal as refusal:
        raise TopologyErrors([compose_problem(refusal.said, whole)]) from refusal
    return Plan(whole, overlay, read_topology(config, whole), nodes)


def chosen_files(files: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The files with whole paths; without any, the project's own topology."""
    return tuple(path.resolve() for path in files) or (COMPOSE / "lab.yaml",)
