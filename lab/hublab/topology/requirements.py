"""Reads requirements files of pip: what hublab can give to a host, and what is wrong with the rest.

The form is pip's own ("Requirements File Format"). Files that it includes are read too, each of its
lines is checked by `packaging`, and all problems are collected with file and line.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from hublab.topology.positions import Position
from hublab.topology.problems import Problem, unreadable

COMMENT = re.compile(r"(^|\s+)#.*$")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
PER_REQUIREMENT = re.compile(r"\s--(?:hash|config-settings|global-option)\b")
URL = re.compile(r"(?:git\+)?(?:https?|ssh)://")
ARCHIVES = (".whl", ".tar.gz", ".zip")
WITH_VALUE = ("--index-url", "--extra-index-url", "--no-binary", "--only-binary", "--trusted-host")
ALONE = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
TAKE_ONE = ("--requirement", "--constraint", *WITH_VALUE)
SHORT = {"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "-c": "--constraint"}
FORMS = "NAME, NAME==VERSION, NAME @ URL, or the path of a wheel"


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement or constraint."""

    text: str
    """As pip gets it."""
    name: str
    """The distribution, in its canonical form; empty for a URL or a file without a name."""
    specifier: str
    url: bool
    position: Position
    path: Path | None = None
    """The file that goes along, for a requirement that is a path."""


@dataclass(slots=True)
class Requirements:
    """What requirements files come to."""

    lines: list[Line] = field(default_factory=list)
    constraints: list[Line] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    """Those that were read, included ones too."""
    problems: list[Problem] = field(default_factory=list)

    def read(self, path: Path, *, constraints: bool = False) -> None:
        """Add a file, and those that it includes."""
        if path in self.files:
            return
        self.files.append(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.add_problem(Position(path, 1), f"cannot read this file: {unreadable(error)}")
            return
        for number, line in logical_lines(text):
            self.add(line, Position(path, number), constraints=constraints)

    def add(self, text: str, at: Position, *, constraints: bool = False) -> None:
        """Add a line of a file."""
        text = COMMENT.sub("", text).strip()
        missing = [name for name in VARIABLE.findall(text) if name not in os.environ]
        if missing:
            reason = f"your environment has no variable {missing[0]}"
            self.add_problem(at, reason, f"`export {missing[0]}=…` first")
        elif text.startswith("-"):
            self.add_option(with_variables(text), at, constraints)
        elif text:
            self.add_requirement(with_variables(text), at, constraints)

    def add_option(self, text: str, at: Position, constraints: bool) -> None:
        """Add an option, or read the file that it names."""
        try:
            word, *values = shlex.split(text)
        except ValueError as error:
            self.add_problem(at, f"cannot read this line: {error}")
            return
        name, equals, value = word.partition("=")
        if equals:
            values.insert(0, value)
        elif name[:2] in SHORT and len(name) > 2 and not name.startswith("--"):
            values, name = [name[2:], *values], name[:2]  # -rFILE
        name = SHORT.get(name, name)
        if name in ("-e", "--editable"):
            self.add_problem(at, "a host of the lab has no folder to install from", BUILD_WHEEL)
        elif name in ALONE and not values:
            self.options.append(name)
        elif name in (*TAKE_ONE, "--find-links") and len(values) != 1:
            self.add_problem(at, f"{name} needs one value behind it", f"{name} VALUE")
        elif name in ("--requirement", "--constraint"):
            included = at.file.parent / values[0]
            self.read(included, constraints=constraints or name == "--constraint")
        elif name in WITH_VALUE or (name == "--find-links" and URL.match(values[0])):
            self.options.append(f"{name} {shlex.quote(values[0])}")
        elif name == "--find-links":
            self.add_problem(
                at, f"a host of the lab has no folder {values[0]}", "a URL, or paths of wheels"
            )
        else:
            self.add_problem(at, f"{name} is not an option of a requirements file", options_hint())

    def add_requirement(self, text: str, at: Position, constraints: bool) -> None:
        """Add a requirement: a name, a URL, or the path of an archive."""
        wanted = PER_REQUIREMENT.split(text, maxsplit=1)[0].strip()
        into = self.constraints if constraints else self.lines
        if URL.match(wanted):
            into.append(Line(text, "", "", True, at))
            return
        try:
            parsed = Requirement(wanted)
        except InvalidRequirement as error:
            self.add_path(wanted, at, str(error).partition("\n")[0])
            return
        if parsed.url and not URL.match(parsed.url):
            self.add_problem(at, f"a host of the lab cannot reach {parsed.url}", BUILD_WHEEL)
            return
        name = canonicalize_name(parsed.name)
        into.append(Line(text, name, str(parsed.specifier), bool(parsed.url), at))

    def add_path(self, text: str, at: Position, otherwise: str) -> None:
        """Add the archive at a path; `otherwise` is what is wrong with a line that names none."""
        path = at.file.parent / text
        if not (text.startswith((".", "/", "~")) or text.endswith(ARCHIVES)):
            self.add_problem(at, f"{text!r} is no requirement: {otherwise}", FORMS)
        elif path.is_dir():
            self.add_problem(at, "a host of the lab has no folder to install from", BUILD_WHEEL)
        elif not path.is_file():
            self.add_problem(at, f"there is no file {path}", FORMS)
        else:
            self.lines.append(
                Line(f"/src/files/{path.name}", name_of(path.name), "", True, at, path)
            )

    def add_problem(self, at: Position, reason: str, hint: str | None = None) -> None:
        self.problems.append(Problem(at, "requirements", reason, hint))


BUILD_WHEEL = "`pip wheel --no-deps FOLDER` makes a wheel; name its path"


def name_of(archive: str) -> str:
    """The distribution in a wheel or a source archive; empty if its name says none."""
    try:
        parse = parse_wheel_filename if archive.endswith(".whl") else parse_sdist_filename
        return str(parse(archive)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""


def options_hint() -> str:
    return ", ".join((*TAKE_ONE, "--find-links", *ALONE))


def with_variables(text: str) -> str:
    """A line with the values of its variables, as pip itself would fill them in."""
    return VARIABLE.sub(lambda found: os.environ[found[1]], text)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their first numbers; one that ends with a backslash goes on."""
    begun, parts = 1, list[str]()
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        begun = begun if parts else number
        goes_on = line.endswith("\\") and not line.lstrip().startswith("#")
        parts.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield begun, "".join(parts)
            parts = []
    if parts:
        yield begun, "".join(parts)
