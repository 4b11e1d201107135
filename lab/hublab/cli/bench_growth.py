"""The parts of `hublab bench` that grow with something: measured at several sizes, in a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from hublab.bench.crowd import crowd_of, last_ready
from hublab.bench.forms import COLD, label, prewarm, use
from hublab.bench.growth import GROWING, Point, measure_growth, read_points
from hublab.bench.memory import megabytes
from hublab.bench.servers import NODE
from hublab.bench.sizes import cases_in_turn, suite, up_with
from hublab.cli.common import out, table
from hublab.deployment.creation import temporary
from hublab.deployment.plan import make_plan
from hublab.deployment.variables import USERS
from hublab.errors import UsageError
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.running.live import LiveLab, connect
from hublab.running.ready import make_ready
from hublab.settings.values import NO_SETTINGS

LAB = "bench-growth"


def measure(
    path: Path,
    parts: Sequence[str],
    warm: str | None,
    sizes: Sequence[int],
    rounds: int,
    progress: Progress,
) -> list[Point]:
    """Measure what the file lacks; returns all of its points of these parts."""
    forms = (COLD, warm) if warm else (COLD,)
    for part in parts:
        asyncio.run(measure_part(path, part, forms, sizes, rounds, progress))
    return [point for point in read_points(path) if point.part in parts]


async def measure_part(
    path: Path,
    part: str,
    forms: Sequence[str],
    sizes: Sequence[int],
    rounds: int,
    progress: Progress,
) -> None:
    """Measure one part; a lab is created where it needs one."""
    wanted = tuple(sizes) or GROWING[part].sizes
    arguments = (path, part, forms, wanted, rounds)
    if part == "hosts":
        if len(forms) > 1:
            raise UsageError("hosts starts no server", hint="leave --warm out")
        await measure_growth(*arguments, lambda form, at: up_with(at), progress)
        return
    if part == "suite":
        await measure_growth(*arguments, lambda form, at: suite(form), progress)
        return
    with users(max(wanted)), temporary(make_plan(), LAB, progress) as created:
        lab = Lab.find(LAB, created.engine)
        await make_ready(lab, NO_SETTINGS, progress)
        async with connect(lab) as live:
            await measure_growth(*arguments, InLab(live, part), progress)


class InLab:
    """Measures a part in a running lab, whose hub is switched to the form first."""

    def __init__(self, live: LiveLab, part: str) -> None:
        self._live, self._part = live, part
        self._form: str | None = None

    async def __call__(self, form: str, at: int) -> dict[str, float]:
        if form != self._form:
            await use(self._live, form)
            self._form = form
        await prewarm(self._live, form, crowd_of(at), NODE)
        match self._part:
            case "crowd":
                return await last_ready(self._live, at)
            case "memory":
                return await megabytes(self._live, at)
            case _:
                return await cases_in_turn(self._live, at)


@contextlib.contextmanager
def users(count: int) -> Iterator[None]:
    """Labs that are created meanwhile have these users."""
    before = os.environ.get(USERS)
    os.environ[USERS] = " ".join(crowd_of(count))
    try:
        yield
    finally:
        if before is None:
            del os.environ[USERS]
        else:
            os.environ[USERS] = before


def show(points: Sequence[Point]) -> None:
    """Print the medians, a line each part, size, value and form."""
    rows = table(None, "PART", "AT", "VALUE", "FORM", "ROUNDS", "MEDIAN", "OF COLD")
    for part, at, name in dict.fromkeys(
        (point.part, point.at, name) for point in points for name in point.values
    ):
        found: dict[str, list[float]] = {}
        for point in points:
            if (point.part, point.at) == (part, at):
                found.setdefault(point.form, []).append(point.values[name])
        for form, values in found.items():
            median = statistics.median(values)
            ratio = median / statistics.median(found[COLD]) if form and found.get(COLD) else None
            rows.add_row(
                part, str(at), name, label(form), str(len(values)), f"{median:.2f}",
                "" if ratio is None else f"{ratio:.2f}",
            )  # fmt: skip
    out.print(rows)
