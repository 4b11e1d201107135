"""Interleaved rounds of a part and its floor, and the figures made of them.

Machines are shared and noisy: seconds say little, the ratio of two things measured in turn
within one run says much. Each figure is the median of at least ten rounds, its spread shown.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hublab.progress import Progress

Measure = Callable[[], Awaitable[float]]
"""Does the thing once and returns the seconds that count."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is measured, against the least that it could cost."""

    name: str
    what: str
    floor_is: str
    measure: Measure
    floor: Measure


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and greatest of some seconds or ratios."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A part as it was measured: seconds of both, and the ratio round by round."""

    part: str
    what: str
    floor_is: str
    rounds: int
    seconds: Spread
    floor: Spread
    ratio: Spread


async def measured(part: Part, rounds: int, tell: Progress) -> Figure:
    """Measure a part and its floor in turn, after one round of each that is not counted."""
    await part.floor()
    await part.measure()
    pairs = []
    for number in range(1, rounds + 1):
        floor, own = await part.floor(), await part.measure()
        pairs.append((own, floor))
        tell(f"{part.name} {number}/{rounds}: {own:.3f} s, floor {floor:.3f} s")
    return Figure(
        part.name,
        part.what,
        part.floor_is,
        rounds,
        spread([own for own, _ in pairs]),
        spread([floor for _, floor in pairs]),
        spread([own / floor for own, floor in pairs]),
    )


def spread(values: list[float]) -> Spread:
    """Least, median and greatest, to four digits."""
    return Spread(round(min(values), 4), round(statistics.median(values), 4), round(max(values), 4))
