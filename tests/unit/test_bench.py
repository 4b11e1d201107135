"""A figure is the ratio of a part to its floor, and a part above its bound fails the command."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hublab.bench import command_line
from hublab.bench.measure import Figure, Part, measure_part
from hublab.cli.bench import bench
from hublab.errors import ExpectationFailed


def part(*seconds: float, bound: float | None = None) -> Part:
    """A part that takes these seconds in turn, the first uncounted, over a floor of 2 s."""
    left = iter(seconds)

    async def measure() -> float:
        return next(left)

    async def floor() -> float:
        return 2.0

    return Part("help", "the operation", "the bare thing", measure, floor, bound)


async def figure(*seconds: float, bound: float | None = None) -> Figure:
    return await measure_part(part(*seconds, bound=bound), len(seconds) - 1, lambda line: None)


@pytest.mark.asyncio
async def test_the_first_round_is_not_counted() -> None:
    found = await figure(100.0, 4.0, 2.0, 12.0)
    assert (found.seconds.least, found.seconds.median, found.seconds.greatest) == (2.0, 4.0, 12.0)
    assert (found.ratio.least, found.ratio.median, found.ratio.greatest) == (1.0, 2.0, 6.0)


@pytest.mark.asyncio
@pytest.mark.parametrize(("bound", "expected"), [(None, False), (2.0, False), (1.9, True)])
async def test_the_median_is_held_against_the_bound(bound: float | None, expected: bool) -> None:
    found = await figure(100.0, 4.0, 2.0, 12.0, bound=bound)
    assert found.is_too_slow is expected


@pytest.mark.parametrize(("seconds", "fails"), [(12.0, False), (12.1, True)])
def test_the_command_fails_above_a_bound(
    monkeypatch: pytest.MonkeyPatch, seconds: float, fails: bool
) -> None:
    """Its figures are printed all the same."""
    slow = part(0.0, seconds, bound=6.0)
    monkeypatch.setattr(command_line, "parts", lambda: [slow])
    done = CliRunner().invoke(bench, ["help", "--rounds", "1", "--json"])
    assert json.loads(done.stdout)["figures"][0]["ratio"]["median"] == seconds / 2
    assert isinstance(done.exception, ExpectationFailed) is fails
