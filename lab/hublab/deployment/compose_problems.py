"""Docker Compose's own errors as problems with file and line.

Compose reports one of its own at a time, in no fixed order and mostly without a line, so the path
in its message is looked up in the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hublab.topology.positions import Position, Sources, YamlPath
from hublab.topology.problems import Problem

PREFIX = re.compile(r"^validating [^:]+: ")
PROPERTY = re.compile(r"^(\(root\)|[\w.-]+) Additional property (\S+) is not allowed")
DOTTED = re.compile(r"^((?:services|networks|volumes|configs|secrets)\.[\w.-]+)\b:? ?(.*)$", re.S)
REFERS = re.compile(
    r'^service "([^"]+)" (?:refers to undefined|depends on undefined) (\w+) (\S+?):'
)
NOT_YAML = "yaml: "
LINE = re.compile(r"\bline (\d+):\s*(.*)")
EMPTY_PART = re.compile(r"^invalid spec: (\S*): empty section between colons")
ENV_FILE = re.compile(r"^env file (\S+) not found")
NO_SERVICES = "there is no services: key, which Compose files need since the format of 2015"
SECTIONS = {"network": "networks", "volume": "volumes", "service": "depends_on"}


def compose_problem(message: str, files: Sequence[Path]) -> Problem:
    """Compose's error message as a problem at the position that it refers to.

    Raises TopologyError for a file that is not YAML: Compose says neither which one it is nor the
    right line.
    """
    text = " ".join(PREFIX.sub("", message, count=1).split())
    if text.startswith(NOT_YAML):
        Sources(files)  # which reads them, and raises
    if gone := ENV_FILE.match(text):
        position = env_file_line(gone[1], files) or Position(files[-1], 1)
        return Problem(position, "env_file", f"there is no file {gone[1]}")
    if spec := EMPTY_PART.match(text):
        position = first_line_with(spec[1].strip(":"), files) or Position(files[-1], 1)
        reason = f"a part of {spec[1]} is empty; a variable in it may have no value"
        return Problem(position, "volumes", reason, "`export NAME=…` first, or ${NAME:-DEFAULT}")
    path, reason = path_and_reason(text)
    if path:
        sources = Sources(files)
        if len(path) == 1 and not sources.has(("services",)):
            hint = "services: at the top, and the services indented below it"
            return Problem(Position(files[-1], 1), "services", NO_SERVICES, hint)
        return Problem.at(sources, path, reason)
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
    return first_line_with(parts[-1], files)


def first_line_with(ending: str, files: Sequence[Path]) -> Position | None:
    """The first line that ends with a text, but for quotes; several services may have the same."""
    for file in files:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            plain = line.strip().rstrip("'\"]} ")
            if ending and plain.endswith(ending) and not plain.startswith("#"):
                return Position(file, number)
    return None


def only_line_with(word: str, files: Sequence[Path]) -> Position | None:
    """The only line that contains the last word of a message; None if several do."""
    found = [
        Position(file, number)
        for file in files
        for number, line in enumerate(
            file.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
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
