"""`hublab bench`: measures what operations cost, as ratios to bare software in the same run."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from hublab.bench.hubs import Hubs
from hublab.bench.labs import Labs
from hublab.bench.measure import Figure, Part, measured
from hublab.bench.requests import Requests
from hublab.bench.servers import Servers
from hublab.cli.common import out, steps, table
from hublab.cli.json_output import emit, json_option
from hublab.deployment.creation import Created, Request, create, down, make_ready
from hublab.errors import UsageError
from hublab.progress import Steps
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.settings.values import Settings

LAB = "bench"
NAMES = (
    "up",
    "switch-hub",
    "switch-server",
    "switch-proxy",
    "spawn",
    "stop",
    "request",
    "websocket",
    "down",
)


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
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Show the ratios of figures that --json printed earlier.",
)
@json_option
def bench(parts: tuple[str, ...], rounds: int, baseline: Path | None, as_json: bool) -> None:
    """Measure what operations cost, as ratios to bare software.

    Each PART (default: all) is measured in turn with its floor: the same work by the bare software.
    A ratio of 1.2 means 1.2 times the seconds of the floor. Parts that need a lab get one of their
    own. Exit code 1 when a ratio is above its bound.

    \b
    Examples:
      hublab bench
      hublab bench spawn stop --rounds 20
      hublab bench --baseline bench/baseline.json
    """
    for part in parts:
        if part not in NAMES:
            raise UsageError(f"there is no part {part}", hint=f"one of {', '.join(NAMES)}")
    before = read_baseline(baseline) if baseline else {}
    say = steps()
    created = create(Request(LAB), say, lease=True)
    try:
        figures = asyncio.run(run(created.lab, parts or NAMES, rounds, say, created))
    finally:
        down(LAB, created.lab.engine)
        if created.guard:
            created.guard.release()
    if as_json:
        emit({"rounds": rounds, "figures": [asdict(figure) for figure in figures]})
    else:
        show(figures, before)


async def run(
    lab: Lab, names: tuple[str, ...], rounds: int, say: Steps, created: Created
) -> list[Figure]:
    """Measure the named parts one after the other."""
    await make_ready(created, Settings(), say)
    async with connect(lab) as live:
        requests = Requests(live)
        try:
            known: dict[str, Part] = {
                part.name: part
                for group in (Labs(live), Hubs(live), Servers(live), requests)
                for part in group.parts()
            }
            return [await measured(known[name], rounds, say) for name in names]
        finally:
            await requests.close()


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
        None, "PART", "SECONDS", "FLOOR", "RATIO", "LEAST..GREATEST", "BASELINE", "FLOOR IS"
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
