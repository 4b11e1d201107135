"""Measured points of how a cost grows, in a file that a later run goes on with."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hublab.bench.forms import label
from hublab.errors import UsageError
from hublab.progress import Progress


@dataclass(frozen=True, slots=True)
class Point:
    """What one round measured: of which part, in which form, at which size."""

    part: str
    form: str
    at: int
    values: dict[str, float]
    cores: int
    load: float
    """The machine's load average of a minute when the round ended, of which this run is part."""


@dataclass(frozen=True, slots=True)
class Growing:
    """A cost that grows with something."""

    name: str
    what: str
    sizes: tuple[int, ...]
    """Where it is measured unless the command says otherwise."""


GROWING = {
    one.name: one
    for one in (
        Growing("crowd", "seconds until the last of N users at once has a server", (1, 4, 10, 40)),
        Growing("memory", "megabytes (PSS) of N servers on one node", (1, 10, 40)),
        Growing("hosts", "seconds of hublab up with N nodes", (2, 4, 8, 16, 32)),
        Growing("cases", "seconds of N cases of a hub setting", (10, 25, 50, 100, 200)),
        Growing("suite", "seconds of the scenario suite, which has N cases", (0,)),
    )
}


def read_points(path: Path) -> list[Point]:
    """The points in a file, none if there is no file. Raises UsageError if it holds others."""
    if not path.exists():
        return []
    try:
        return [Point(**point) for point in json.loads(path.read_text())["points"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"the file does not hold points: {error}",
            where=str(path),
            hint="a file that `hublab bench --growth FILE` wrote, or a new name",
        ) from error


def write_points(path: Path, points: Sequence[Point]) -> None:
    """Write the file at once or not at all."""
    body = json.dumps({"points": [asdict(point) for point in points]}, indent=1)
    new = path.with_suffix(".new")
    new.write_text(body + "\n")
    new.replace(path)


def due(
    points: Sequence[Point], part: str, forms: Sequence[str], sizes: Sequence[int], rounds: int
) -> Iterator[tuple[str, int]]:
    """What is still to be measured: forms in turn, round by round, the small sizes first."""
    have = [(point.form, point.at) for point in points if point.part == part]
    for at in sizes:
        for number in range(rounds):
            for form in forms:
                if have.count((form, at)) <= number:
                    yield form, at


async def measure_growth(
    path: Path,
    part: str,
    forms: Sequence[str],
    sizes: Sequence[int],
    rounds: int,
    measure: Callable[[str, int], Awaitable[dict[str, float]]],
    progress: Progress,
) -> None:
    """Measure what is due of a part, and write each point down as soon as it is measured."""
    for form, at in list(due(read_points(path), part, forms, sizes, rounds)):
        values = {name: round(value, 4) for name, value in (await measure(form, at)).items()}
        cores = len(os.sched_getaffinity(0))
        point = Point(part, form, at, values, cores, round(os.getloadavg()[0], 1))
        write_points(path, [*read_points(path), point])
        words = ", ".join(f"{name} {value:.2f}" for name, value in values.items())
        progress(f"{part} at {at}, {label(form)}: {words}")
