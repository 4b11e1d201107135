"""Finds the problems of Compose files, each with file and line, without an engine.

hublab's own checks report all problems at once, Compose one of its own at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hublab.deployment.plan import chosen_files, make_plan
from hublab.errors import TopologyError
from hublab.topology.model import Topology
from hublab.topology.positions import Position, Sources
from hublab.topology.problems import Problem, TopologyErrors


def check_topology(files: Sequence[Path]) -> tuple[Topology | None, list[Problem]]:
    """Plan a lab from the files: its topology, or all problems.

    Without files it is the project's own topology. Raises MachineError without Docker Compose.
    """
    unreadable = [problem for file in files if (problem := unreadable_file(file))]
    if unreadable:
        return None, unreadable
    try:
        return make_plan(files).topology, []
    except TopologyErrors as errors:
        return None, list(errors.problems)
    except TopologyError as error:
        return None, [Problem(Position(chosen_files(files)[-1], 1), "(file)", error.message)]


def unreadable_file(file: Path) -> Problem | None:
    """Why a file cannot be read as YAML; None if it can."""
    if not file.is_file():
        return Problem(Position(file, 1), "(file)", "there is no such file")
    try:
        Sources([file])
    except TopologyError as error:
        line = (error.where or "").removeprefix(f"{file}").lstrip(":")
        return Problem(Position(file, int(line or 1)), "(file)", error.message)
    return None
