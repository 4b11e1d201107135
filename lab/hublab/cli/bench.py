"""`hublab bench`: measures what operations cost, as ratios to bare software in the same run."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import click

from hublab.bench import command_line, forms
from hublab.bench.against import Builds
from hublab.bench.cells import Cells
from hublab.bench.growth import GROWING
from hublab.bench.hubs import Hubs
from hublab.bench.labs import Labs
from hublab.bench.measure import Figure, Part, measure_part
from hublab.bench.requests import Requests
from hublab.bench.revisions import spawner_of
from hublab.bench.servers import NODE, USER, Servers
from hublab.bench.transfers import Transfers
from hublab.cli import bench_growth
from hublab.cli.common import out, steps, table
from hublab.cli.json_output import emit, json_option
from hublab.cli.places import Place
from hublab.deployment.creation import temporary
from hublab.deployment.plan import make_plan
from hublab.engine.records import File
from hublab.errors import ExpectationFailed, UsageError
from hublab.paths import COMPOSE
from hublab.progress import Steps
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.ready import make_ready
from hublab.settings.values import NO_SETTINGS

LAB = "bench"
WITH_BROWSER = [COMPOSE / "lab.yaml", COMPOSE / "browser.yaml"]
REPORTS = ("report-open", "report-filter")
NAMES = (
    "help",
    "up",
    "switch-hub",
    "switch-server",
    "switch-proxy",
    "spawn",
    "stop",
    "request",
    "websocket",
    "first-byte",
    "download",
    "matrix",
    "capture",
    *REPORTS,
    "down",
)
CELLS = ("matrix", "capture")
"""Parts whose labs go from case to case."""


@click.command()
@click.argument("parts", nargs=-1, metavar="[PART]...")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Rounds of each part; fewer than ten are not enough for a figure.",
)
@click.option(
    "--baseline",
    type=Place(dir_okay=False),
    metavar="FILE",
    help="Show the ratios of figures that --json printed earlier.",
)
@click.option(
    "--against",
    metavar="REV",
    help="Measure the spawner against that of another revision of this repository, and nothing "
    "else: memory beside a server, CPU time of a poll, spawn.",
)
@click.option(
    "--warm",
    type=click.Choice(forms.WARM),
    help="How servers are forked by a parent that has done the imports; with parts that grow, in "
    "turn with cold ones.",
)
@click.option(
    "--at",
    "sizes",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Measure a part that grows at this size; can be given more than once.",
)
@click.option(
    "--growth",
    type=Place(dir_okay=False),
    default=Path("bench/growth.json"),
    show_default=True,
    metavar="FILE",
    help="Where the points of parts that grow are kept; what it has is not measured again.",
)
@json_option
def bench(
    parts: tuple[str, ...],
    rounds: int,
    baseline: Path | None,
    against: str | None,
    warm: str | None,
    sizes: tuple[int, ...],
    growth: Path,
    as_json: bool,
) -> None:
    """Measure what operations cost, as ratios to bare software.

    Each PART (default: all) is measured in turn with its floor: the same work by the bare software.
    A ratio of 1.2 means 1.2 times the seconds of the floor. Parts that need a lab get one of their
    own. Exit code 1 when a ratio is above its bound.

    Some parts grow with something and are measured only when they are named: crowd (users at once
    on a node), memory (servers on a node), hosts, cases, suite (the scenarios). Each measured point
    goes into a file at once, and the same command goes on where it was stopped.

    \b
    Examples:
      hublab bench
      hublab bench spawn stop --rounds 20
      hublab bench --baseline bench/baseline.json
      hublab bench --against HEAD~1 --rounds 3
      hublab bench memory --warm node --at 1 --at 10 --rounds 3
    """
    if against is not None and parts:
        raise UsageError("--against has parts of its own", hint="leave the PARTs out")
    for part in parts:
        if part not in NAMES and part not in GROWING:
            known = ", ".join((*NAMES, *GROWING))
            raise UsageError(f"there is no part {part}", hint=f"one of {known}")
    if growing := [part for part in parts if part in GROWING]:
        if len(growing) < len(parts):
            raise UsageError(
                f"{', '.join(growing)} cannot be measured together with other parts",
                hint="two commands",
            )
        points = bench_growth.measure(growth, growing, warm, sizes, rounds, steps())
        if as_json:
            emit({"points": [asdict(point) for point in points]})
        else:
            bench_growth.show(points)
        return
    if sizes:
        raise UsageError("--at is for parts that grow", hint=f"one of {', '.join(GROWING)}")
    if against is not None and warm:
        raise UsageError("--against measures cold starts", hint="leave --warm out")
    before = read_baseline(baseline) if baseline else {}
    if against is None:
        figures = measure_all(parts or usual_parts(), rounds, steps(), warm or forms.COLD)
    else:
        figures = measure_against(against, rounds, steps())
    if as_json:
        emit({"rounds": rounds, "figures": [asdict(figure) for figure in figures]})
    else:
        show(figures, before)
    if slow := [figure for figure in figures if figure.is_too_slow]:
        raise ExpectationFailed(
            "; ".join(f"{f.what}: {f.ratio.median:.2f} x its floor" for f in slow),
            hint="; ".join(f"{f.part}: at most {f.bound:g} x {f.floor_is}" for f in slow),
        )


def usual_parts() -> tuple[str, ...]:
    """All parts; those with a browser where what drives one is installed."""
    has_browser = find_spec("playwright") is not None
    return tuple(name for name in NAMES if has_browser or name not in REPORTS)


def measure_all(
    names: tuple[str, ...], rounds: int, progress: Steps, form: str = forms.COLD
) -> list[Figure]:
    """Measure the named parts, those without a lab first; a lab is created only if one needs it."""
    alone = {part.name: part for part in command_line.parts()}
    figures = asyncio.run(run(alone, [name for name in names if name in alone], rounds, progress))
    if cells := [name for name in names if name in CELLS]:
        figures += asyncio.run(run_cells(cells, rounds, progress))
    if reports := [name for name in names if name in REPORTS]:
        with temporary(make_plan(WITH_BROWSER), LAB, progress) as created:
            lab = Lab.find(LAB, created.engine)
            figures += asyncio.run(run_reports(lab, reports, rounds, progress))
    if with_lab := [name for name in names if name not in (*alone, *CELLS, *REPORTS)]:
        with temporary(make_plan(), LAB, progress) as created:
            lab = Lab.find(LAB, created.engine)
            figures += asyncio.run(run_in_lab(lab, with_lab, rounds, progress, form))
    return figures


def measure_against(revision: str, rounds: int, progress: Steps) -> list[Figure]:
    """Measure two builds of the spawner in a lab of their own."""
    other = spawner_of(revision)
    with temporary(make_plan(), LAB, progress) as created:
        lab = Lab.find(LAB, created.engine)
        return asyncio.run(run_against(lab, other, revision, rounds, progress))


async def run_against(
    lab: Lab, other: list[File], revision: str, rounds: int, progress: Steps
) -> list[Figure]:
    """Wait until a lab is ready, and measure this build and the other in it."""
    await make_ready(lab, NO_SETTINGS, progress)
    async with connect(lab) as live:
        return await Builds(live, other).measure(rounds, revision, progress)


async def run_cells(names: list[str], rounds: int, progress: Steps) -> list[Figure]:
    """Measure the cells of a matrix, in labs of their own."""
    cells = Cells(progress)
    try:
        return await run({part.name: part for part in cells.parts()}, names, rounds, progress)
    finally:
        await cells.close()


async def run_reports(lab: Lab, names: list[str], rounds: int, progress: Steps) -> list[Figure]:
    """Measure what a reader of a report waits for, in the lab's Chromium."""
    if find_spec("playwright") is None:
        raise UsageError(
            f"{', '.join(names)} need playwright, which is not installed",
            hint="pip install 'hublab[browser]'",
        )
    from hublab.bench.reports import Reports  # Playwright is needed for nothing else here
    from hublab.running.browser import open_browser

    await make_ready(lab, NO_SETTINGS, progress)
    async with connect(lab) as live, open_browser(lab) as browser:
        reports = Reports(live, browser)
        await reports.prepare(progress)
        return await run({part.name: part for part in reports.parts()}, names, rounds, progress)


async def run_in_lab(
    lab: Lab, names: list[str], rounds: int, progress: Steps, form: str
) -> list[Figure]:
    """Wait until a lab is ready, and measure the named parts in it."""
    await make_ready(lab, NO_SETTINGS, progress)
    async with connect(lab) as live:
        await forms.use(live, form, NO_SETTINGS)
        await forms.prewarm(live, form, (USER,), NODE)
        requests = Requests(live)
        try:
            groups = (Labs(live), Hubs(live), Servers(live), requests, Transfers(live))
            known = {part.name: part for group in groups for part in group.parts()}
            return await run(known, names, rounds, progress)
        finally:
            await requests.close()


async def run(
    known: dict[str, Part], names: list[str], rounds: int, progress: Steps
) -> list[Figure]:
    """Measure the named parts one after the other."""
    return [await measure_part(known[name], rounds, progress) for name in names]


def read_baseline(path: Path) -> dict[str, float]:
    """The median ratio of each part in a file of figures."""
    try:
        figures = json.loads(path.read_text())["figures"]
        return {figure["part"]: float(figure["ratio"]["median"]) for figure in figures}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"the file does not hold figures: {error}",
            where=str(path),
            hint="the output of `hublab bench --json`",
        ) from error


def show(figures: list[Figure], before: dict[str, float]) -> None:
    """Print the table of figures: medians, with the spread of the ratio."""
    rows = table(
        None, "PART", "MEASURED", "FLOOR", "RATIO", "LEAST..GREATEST", "BASELINE", "FLOOR IS"
    )
    for f in figures:
        rows.add_row(
            f.part,
            f"{f.seconds.median:.3f}",
            f"{f.floor.median:.3f}",
            f"{f.ratio.median:.2f}",
            f"{f.ratio.least:.2f}..{f.ratio.greatest:.2f}",
            f"{before[f.part]:.2f}" if f.part in before else "",
            f.floor_is,
        )
    out.print(rows)
