"""Interleaved rounds of a part and its floor, and the figures from them.

Machines are shared and noisy, so seconds alone mean little. The ratio of two things measured in
turn within one run is comparable. Each figure is a median, of ten rounds by default, with its
spread.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hublab.progress import Progress

Measure = Callable[[], Awaitable[float]]
"""Runs the measured operation once and returns the seconds that count."""


@dataclass(frozen=True, slots=True)
class Part:
    """One operation, and its floor: the least that it could cost."""

    name: str
    what: str
    floor_is: str
    measure: Measure
    floor: Measure
    bound: float | None = None
    """The greatest median ratio that is acceptable, None where none is set."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and greatest of several seconds or ratios."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The result for a part: seconds of both, and the ratio of each round."""

    part: str
    what: str
    floor_is: str
    rounds: int
    seconds: Spread
    floor: Spread
    ratio: Spread
    bound: float | None

    @property
    def is_too_slow(self) -> bool:
        """Whether the median ratio is above the part's bound."""
        return self.bound is not None and self.ratio.median > self.bound


async def measure_part(part: Part, rounds: int, progress: Progress) -> Figure:
    """Measure a part and its floor in turn, after one round of each that is not counted."""
    await part.floor()
    await part.measure()
    pairs = []
    for number in range(1, rounds + 1):
        floor, own = await part.floor(), await part.measure()
        pairs.append((own, floor))
        progress(f"{part.name} {number}/{rounds}: {own:.3f} s, floor {floor:.3f} s")
    return Figure(
        part.name,
        part.what,
        part.floor_is,
        rounds,
        spread([own for own, _ in pairs]),
        spread([floor for _, floor in pairs]),
        spread([own / floor for own, floor in pairs]),
        part.bound,
    )


def spread(values: list[float]) -> Spread:
    """Least, median and greatest, rounded to four digits."""
    return Spread(round(min(values), 4), round(statistics.median(values), 4), round(max(values), 4))
