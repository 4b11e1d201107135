"""The packages that hosts get on top of the lab's software: Python's and Debian's.

They come from files that an option names, or from `x-hublab` of a service in a Compose file:

    x-hublab:
      requirements: requirements.txt    # a file beside the Compose file, or a list
      apt: [git, libldap2]              # the same

Compose ignores the key and leaves it out of what it resolves, so it is read from the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hublab.topology.model import Topology
from hublab.topology.positions import Position, Sources
from hublab.topology.problems import Problem, RawProblem, TopologyErrors, unreadable
from hublab.topology.requirements import Requirements
from hublab.topology.sections import read_services

KEY = "x-hublab"
KEYS = ("requirements", "apt")
WITH_PYTHON = ("hub", "node", "standalone", "other-hub")
"""The roles whose hosts have Jupyter's Python environment."""
DEBIAN_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+:~-]+)?")


@dataclass(slots=True)
class Packages:
    """What one host gets."""

    requirements: Requirements = field(default_factory=Requirements)
    apt: dict[str, Position] = field(default_factory=dict)
    """The names of Debian's packages, each with its place."""
    problems: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.requirements.lines or self.apt)

    @property
    def all_problems(self) -> list[Problem]:
        return [*self.requirements.problems, *self.problems]

    def and_those(self, other: Packages) -> Packages:
        """These packages and others."""
        mine, theirs = self.requirements, other.requirements
        return Packages(
            Requirements(
                mine.lines + theirs.lines,
                mine.constraints + theirs.constraints,
                mine.options + theirs.options,
                mine.files + theirs.files,
            ),
            {**self.apt, **other.apt},
        )

    def read_apt(self, path: Path) -> None:
        """Add the names in a file; what follows a # is a comment."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = f"cannot read it: {unreadable(error)}"
            self.problems.append(Problem(Position(path, 1), "apt", reason))
            return
        for number, line in enumerate(lines, 1):
            self.add_apt(line.partition("#")[0].split(), Position(path, number))

    def add_apt(self, names: Iterable[str], at: Position) -> None:
        """Add names of Debian's packages."""
        for name in names:
            if DEBIAN_NAME.fullmatch(name):
                self.apt.setdefault(name, at)
            else:
                reason = f"{name!r} is not the name of a Debian package"
                self.problems.append(Problem(at, "apt", reason, "NAME or NAME=VERSION"))


def packages_from(requirements: Path | None, apt: Path | None) -> Packages:
    """The packages that files name; what is wrong with them is in `all_problems`."""
    found = Packages()
    if requirements:
        found.requirements.read(requirements)
    if apt:
        found.read_apt(apt)
    return found


def packages_in(files: Sequence[Path], topology: Topology) -> dict[str, Packages]:
    """Service -> the packages that Compose files give it. Raises TopologyErrors."""
    named = read_services(files, KEY)
    if not named:
        return {}
    sources, roles = Sources(files), {host.service: host.roles for host in topology.hosts}
    problems: list[Problem] = []
    found = {}
    for service, (value, file) in named.items():
        reader = _Reader(("services", service, KEY), sources, file)
        if not set(roles.get(service, ())) & set(WITH_PYTHON):
            reader.add(
                (), "only hosts with Jupyter's software can have packages", ", ".join(WITH_PYTHON)
            )
        else:
            reader.read(value)
        problems += [*reader.problems, *reader.packages.all_problems]
        found[service] = reader.packages
    if problems:
        raise TopologyErrors(problems)
    return found


class _Reader:
    """Reads `x-hublab` of one service."""

    def __init__(self, path: tuple[str, ...], sources: Sources, file: Path) -> None:
        self.path, self.sources, self.file = path, sources, file
        self.packages = Packages()
        self.problems: list[Problem] = []

    def add(self, path: tuple[str, ...], reason: str, hint: str | None = None) -> None:
        raw: RawProblem = ((*self.path, *path), reason, hint)
        self.problems.append(Problem.at(self.sources, *raw))

    def at(self, *path: str) -> Position:
        return self.sources.position((*self.path, *path)) or Position(self.file, 1)

    def read(self, value: Any) -> None:
        if not isinstance(value, Mapping):
            self.add((), "this is no mapping", f"{KEY}: {{{KEYS[0]}: FILE}}")
            return
        for key in value:
            if key not in KEYS:
                self.add((str(key),), f"hublab knows no {key} here", ", ".join(KEYS))
        for key in KEYS:
            given = value.get(key)
            if isinstance(given, str):
                self.read_file(key, given)
            elif isinstance(given, list) and all(isinstance(one, str) for one in given):
                self.read_list(key, given)
            elif key in value:
                self.add((key,), "neither a file nor a list of names", f"{key}: FILE")

    def read_file(self, key: str, name: str) -> None:
        path = self.file.parent / name
        if not path.is_file():
            self.add((key,), f"there is no file {path}", "a path beside this file, or a list")
        elif key == "apt":
            self.packages.read_apt(path)
        else:
            self.packages.requirements.read(path)

    def read_list(self, key: str, texts: list[str]) -> None:
        for text in texts:
            if key == "apt":
                self.packages.add_apt([text], self.at(key, text))
            else:
                self.packages.requirements.add(text, self.at(key, text))
