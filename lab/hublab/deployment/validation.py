"""Finds the problems of Compose files, each with file and line, without an engine.

hublab's own checks report all problems at once. Compose reports one of its own at a time, in no
fixed order and mostly without a line, so the path in its message is looked up in the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hublab.deployment.plan import chosen_files, make_plan
from hublab.errors import TopologyError
from hublab.topology.model import Topology
from hublab.topology.positions import Position, Sources, YamlPath
from hublab.topology.problems import Problem, TopologyErrors

PREFIX = re.compile(r"^(?:Docker Compose cannot read it: )?(?:validating [^:]+: )?")
PROPERTY = re.compile(r"^(\(root\)|[\w.-]+) Additional property (\S+) is not allowed")
DOTTED = re.compile(r"^((?:services|networks|volumes|configs|secrets)\.[\w.-]+)\b:? ?(.*)$", re.S)
REFERS = re.compile(
    r'^service "([^"]+)" (?:refers to undefined|depends on undefined) (\w+) (\S+?):'
)
LINE = re.compile(r"\bline (\d+):\s*(.*)")
ENV_FILE = re.compile(r"^env file (\S+) not found")
SECTIONS = {"network": "networks", "volume": "volumes", "service": "depends_on"}


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
        return None, [compose_problem(error.message, chosen_files(files))]


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


def compose_problem(message: str, files: Sequence[Path]) -> Problem:
    """Compose's error message as a problem at the position that it refers to."""
    text = " ".join(PREFIX.sub("", message, count=1).split())
    if gone := ENV_FILE.match(text):
        position = env_file_line(gone[1], files) or Position(files[-1], 1)
        return Problem(position, "env_file", f"there is no file {gone[1]}")
    path, reason = path_and_reason(text)
    if path:
        return Problem.at(Sources(files), path, reason)
    line = LINE.search(text)
    if line and len(files) == 1:
        return Problem(Position(files[0], int(line[1])), "(file)", line[2])
    position = only_line_with(text.rpartition(" ")[2], files) or Position(files[-1], 1)
    return Problem(position, "(file)", f"Docker Compose cannot read it: {text}")


def env_file_line(path: str, files: Sequence[Path]) -> Position | None:
    """The line that names a file of variables, by as much of its path as the line has."""
    parts = Path(path).parts
    for start in range(1, len(parts)):
        if found := only_line_with(str(Path(*parts[start:])), files):
            return found
    return None


def only_line_with(word: str, files: Sequence[Path]) -> Position | None:
    """The only line that contains the last word of a message; None if several do."""
    found = [
        Position(file, number)
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if len(word) > 2 and word.strip("'\"") in line
    ]
    return found[0] if len(found) == 1 else None


def path_and_reason(message: str) -> tuple[YamlPath, str]:
    """The path in a message of Compose, empty if there is none, and the reason."""
    if found := PROPERTY.match(message):
        parents = () if found[1] == "(root)" else tuple(found[1].split("."))
        return (*parents, found[2]), f"Compose knows no {found[2]} here"
    if found := REFERS.match(message):
        section = SECTIONS.get(found[2], found[2])
        return ("services", found[1], section, found[3]), f"there is no {found[2]} {found[3]}"
    if found := DOTTED.match(message):
        return tuple(found[1].split(".")), found[2] or message
    return (), message
