"""A failed test in a few lines: what does not hold, in which case, what was seen and logged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from _pytest._code.code import ReprFileLocation, TerminalRepr
from _pytest._io import TerminalWriter

WIDTH = 10
"""Columns of the labels."""
MOST_LINES = 15
"""Of what was seen; -vv prints all."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of a failed test. Plain values, because workers send it to the controller."""

    claim: str
    """The sentence that does not hold."""
    case: list[str]
    expected: str
    seen: str
    logs: dict[str, list[str]]
    """Host or server -> a few lines of its log."""
    places: list[tuple[str, str]]
    """File and line, and the statement there; the failing one last."""
    hints: list[tuple[str, str]]
    """What a command is good for, and the command."""
    crash: tuple[str, int, str] = ("", 0, "")
    """File, line and message for pytest's own summary."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """The failure that another process sent."""
        pairs = {key: [tuple(one) for one in data[key]] for key in ("places", "hints")}
        return cls(**{**data, **pairs, "crash": tuple(data["crash"])})

    def lines(self) -> list[tuple[str, str]]:
        """Each line with the name of its style."""
        out = [("claim", self.claim)]
        out += labelled("case", self.case or ["default"])
        out += labelled("expected", self.expected.splitlines())
        out += labelled("seen", limited(self.seen.splitlines()), "seen")
        for name, logged in self.logs.items():
            out += [("", ""), ("dim", f"{name} logged")] if logged else []
            out += [("", f"    {line}") for line in logged]
        out += [("", "")]
        for at, source in self.places:
            out += [("", at), *(("source", f"    {line}") for line in source.splitlines())]
        out += [("", "")] if self.places else []
        for what, command in self.hints:
            out += [("", f"{what:<{WIDTH}}{command}")]
        return out


def labelled(label: str, lines: list[str], style: str = "") -> list[tuple[str, str]]:
    """A label before the first of several lines."""
    return [(style, f"{'' if n else label:<{WIDTH}}{line}") for n, line in enumerate(lines)]


def limited(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return lines if more <= 1 else [*lines[:MOST_LINES], f"and {more} more lines: -vv has all"]


@dataclass(eq=False)
class FailureRepr(TerminalRepr):
    """What pytest prints of a failed test."""

    failure: Failure
    reprcrash: ReprFileLocation = field(init=False)

    def __post_init__(self) -> None:
        self.reprcrash = ReprFileLocation(*self.failure.crash)

    def toterminal(self, tw: TerminalWriter) -> None:
        styles: dict[str, dict[str, bool]] = {
            "claim": {"bold": True, "red": True},
            "seen": {"red": True},
            "source": {"bold": True},
            "dim": {"bold": True},
            "": {},
        }
        for style, line in self.failure.lines():
            tw.line(line, **styles[style])
