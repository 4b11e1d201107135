"""The plan of a lab: everything that follows from a request alone, computed in memory.

Planning writes nothing, waits for nothing and needs no engine. It refuses what cannot become a lab.
`up`, `graph`, `export`, `explain`, `validate`, `bench` and pytest start from the same plan;
`resolution` adds what depends on the engine, and `creation` alone writes, last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hublab.deployment.own_config import read
from hublab.deployment.request import Request, check_name
from hublab.deployment.variables import check_environment
from hublab.engine import Compose
from hublab.paths import ROOT, labs_folder
from hublab.topology.defaults import overlay_text
from hublab.topology.model import Topology
from hublab.topology.reading import read_topology


@dataclass(frozen=True, slots=True)
class Plan:
    """A validated request, as `make_plan` returns it."""

    request: Request
    files: tuple[Path, ...]
    """The user's Compose files, or the project's own."""
    overlay: str
    """The text of one more Compose file that completes them; empty if they are complete."""
    topology: Topology
    """The hosts, with the addresses of the files' default subnet."""

    @property
    def name(self) -> str:
        """The name of the lab."""
        return self.request.name

    @property
    def overlay_file(self) -> Path:
        """The path of the overlay while the lab exists."""
        return labs_folder() / self.name / "overlay.yaml"

    def compose(self, variables: Mapping[str, str] | None = None) -> Compose:
        """The Compose project of this plan, with values for the variables of its files."""
        return Compose(self.files, self.name, variables, self.overlay)


def make_plan(request: Request, variables: Mapping[str, str] | None = None) -> Plan:
    """Plan a lab. `variables` are for the files; without them the files' defaults apply.

    Raises TopologyErrors, TopologyError, LabNameError or UsageError for what cannot become a lab,
    MachineError without Docker Compose.
    """
    check_name(request.name)
    check_environment()
    for path in (request.own.hub, request.own.server):
        if path:
            read(path)
    files = request.compose_files
    overlay = overlay_text(files, ROOT, request.nodes)
    config = Compose(files, request.name, variables, overlay).config()
    return Plan(request, files, overlay, read_topology(config, files))
