"""Draws how costs grow, from the points that `hublab bench` kept: docs/growth/*.svg.

.venv/bin/python .ci/bench_plots.py [bench/growth.json]

What was not measured is not drawn: a part without points of two sizes has no plot.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from hublab.bench.forms import label
from hublab.bench.growth import GROWING, Point, read_points

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "growth"
DRAWN = {  # part: the size, the unit, and which values
    "crowd": ("users at once", "seconds", ("first", "last")),
    "memory": ("servers", "MB (PSS)", ("idle", "used")),
    "hosts": ("nodes", "seconds", ("up",)),
    "cases": ("cases", "seconds", ("seconds",)),
}


def draw(part: str, points: Sequence[Point], target: Path) -> None:
    """A line for each form and value: the medians, and every single measurement as a dot."""
    size, unit, values = DRAWN[part]
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    for form in dict.fromkeys(point.form for point in points):
        for name in values:
            found: dict[int, list[float]] = {}
            for point in points:
                if point.form == form:
                    found.setdefault(point.at, []).append(point.values[name])
            sizes = sorted(found)
            title = label(form) if len(values) == 1 else f"{label(form)}: {name}"
            medians = [statistics.median(found[at]) for at in sizes]
            (line,) = axes.plot(sizes, medians, marker="_", label=title)
            dots = [(at, one) for at in sizes for one in found[at]]
            axes.scatter(
                [at for at, _ in dots], [one for _, one in dots], s=8, color=line.get_color()
            )
    axes.set(title=GROWING[part].what, xlabel=size, ylabel=unit, ylim=(0, None), xlim=(0, None))
    axes.legend()
    figure.tight_layout()
    # the same points give the same bytes
    figure.savefig(target, metadata={"Date": None})


def main(arguments: Sequence[str]) -> int:
    matplotlib.rcParams["svg.hashsalt"] = "hublab"
    points = read_points(Path(arguments[0]) if arguments else ROOT / "bench" / "growth.json")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part in DRAWN:
        own = [point for point in points if point.part == part]
        if len({point.at for point in own}) > 1:
            draw(part, own, FOLDER / f"{part}.svg")
            print(FOLDER / f"{part}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
