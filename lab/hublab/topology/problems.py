"""What is wrong with Compose files: each problem with its file, line and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hublab.errors import TopologyError
from hublab.topology.positions import Position, Sources, YamlPath

RawProblem = tuple[YamlPath, str, str | None]
"""A problem before its position is known: the path in the files, the reason, and a hint."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its position, the path in the file, the reason, and a hint."""

    position: Position | None
    path: str
    reason: str
    hint: str | None = None

    @classmethod
    def at(cls, sources: Sources, path: YamlPath, reason: str, hint: str | None = None) -> Problem:
        """A problem at the position of a path in the files."""
        return cls(sources.position(path), ".".join(path), reason, hint)

    def __str__(self) -> str:
        at = f"{self.position}: " if self.position else ""
        return f"{at}{self.path}: {self.reason}" + (f"; hint: {self.hint}" if self.hint else "")


class TopologyErrors(TopologyError):
    """All problems of the Compose files, in the order of their lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Put the problems into one message, one line each."""
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


def _place(problem: Problem) -> tuple[str, int]:
    at = problem.position
    return (str(at.file), at.line) if at else ("", 0)


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read as text."""
    return (isinstance(error, OSError) and error.strerror) or "it is not UTF-8"
