"""Parts of the bench that grow: what is still due, what a file keeps, what is read of memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from hublab.bench.forms import COLD, label
from hublab.bench.growth import Point, due, measure_growth, read_points, write_points
from hublab.bench.memory import pss_of
from hublab.bench.sizes import verdicts
from hublab.cli.bench import bench
from hublab.errors import UsageError


def point(form: str, at: int, part: str = "crowd", seconds: float = 2.0) -> Point:
    return Point(part, form, at, {"last": seconds}, 2, 0.5)


def test_forms_are_measured_in_turn() -> None:
    """So that both meet the same machine; small sizes first."""
    assert list(due([], "crowd", (COLD, "node"), (1, 4), 2)) == [
        ("", 1), ("node", 1), ("", 1), ("node", 1),
        ("", 4), ("node", 4), ("", 4), ("node", 4),
    ]  # fmt: skip


def test_what_the_file_has_is_not_measured_again() -> None:
    """Points of other parts, forms and sizes are none of it."""
    have = [point("", 1), point("node", 1), point("", 1), point("", 9), point("", 4, "memory")]
    assert list(due(have, "crowd", (COLD, "node"), (1, 4), 1)) == [("", 4), ("node", 4)]
    assert list(due(have, "crowd", (COLD, "node"), (1,), 2)) == [("node", 1)]


@pytest.mark.asyncio
async def test_each_point_is_kept_before_the_next_is_measured(tmp_path: Path) -> None:
    """A run that ends in the middle leaves what it has, and the same command goes on."""
    path = tmp_path / "growth.json"
    write_points(path, [point("", 1, "memory")])
    asked: list[tuple[str, int]] = []

    async def measure(form: str, at: int) -> dict[str, float]:
        asked.append((form, at))
        if at == 4 and len(asked) == 2:
            raise KeyboardInterrupt
        return {"last": float(at)}

    arguments = (path, "crowd", (COLD,), (1, 4), 1, measure, lambda line: None)
    with pytest.raises(KeyboardInterrupt):
        await measure_growth(*arguments)
    assert [(one.part, one.at) for one in read_points(path)] == [("memory", 1), ("crowd", 1)]
    await measure_growth(*arguments)
    assert asked == [("", 1), ("", 4), ("", 4)]
    assert [one.values for one in read_points(path)[1:]] == [{"last": 1.0}, {"last": 4.0}]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"points": [{"part": "crowd"}]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "growth.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="does not hold points"):
        read_points(path)


def test_memory_is_read_as_the_kernel_says_it(tmp_path: Path) -> None:
    """proc(5): kilobytes, of which `Pss` and not `Pss_Anon` is the whole."""
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "smaps_rollup").write_text("Rss: 900 kB\nPss:     120 kB\nPss_Anon:   60 kB\n")
    assert pss_of(7, tmp_path) == 120 * 1024
    assert pss_of(8, tmp_path) == 0
    assert pss_of(os.getpid()) > 1_000_000


def test_the_verdicts_of_a_suite_are_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="9" skipped="2" failures="1" errors="1"/></testsuites>'
    )
    assert verdicts(report) == {"cases": 7, "failed": 2}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["crowd", "spawn"], "cannot be measured together"),
        (["spawn", "--at", "4"], "--at is for parts that grow"),
        (["--against", "HEAD", "--warm", "node"], "measures cold starts"),
        (["hosts", "--warm", "node"], "starts no server"),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = CliRunner().invoke(bench, [*arguments, "--growth", str(tmp_path / "growth.json")])
    assert isinstance(done.exception, UsageError)
    assert words in str(done.exception)


def test_the_points_are_shown_with_ratios_to_cold(tmp_path: Path) -> None:
    """Nothing is measured here: the file has all that is asked for."""
    path = tmp_path / "growth.json"
    write_points(path, [point("", 1, "suite", 8.0), point("node", 1, "suite", 2.0)])
    told = ["suite", "--warm", "node", "--at", "1", "--rounds", "1", "--growth", str(path)]
    done = CliRunner().invoke(bench, told)
    assert done.exit_code == 0, done.output
    assert "0.25" in done.stdout
    done = CliRunner().invoke(bench, [*told, "--json"])
    assert len(json.loads(done.stdout)["points"]) == 2
    assert (label(COLD), label("node")) == ("cold", "warm, node")
