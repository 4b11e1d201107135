"""Of a program that prints without an end only the end is read, and that something is missing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from one_container import running

from hublab.engine import Engine

LINES = 5000
PRINT = f"seq -f 'line %g' {LINES}; exec sleep infinity"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine.connect()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def container(engine: Engine) -> Iterator[str]:
    """A container of the tools' image that has printed its lines."""
    with running(engine, "sh", "-c", PRINT) as made:
        end = time.monotonic() + 30
        while f"line {LINES}\n" not in engine.logs(made, tail=1):
            assert time.monotonic() < end
        yield made


def texts(log: str) -> list[str]:
    return [line.partition(" ")[2] for line in log.splitlines()]


@pytest.mark.parametrize(("lines", "cut"), [(LINES + 1, False), (LINES, False), (100, True)])
def test_the_last_lines(engine: Engine, container: str, lines: int, cut: bool) -> None:
    log, left_out = engine.end_of_log(container, since=1.0, lines=lines, most=1_000_000)
    wanted = [f"line {n}" for n in range(max(1, LINES - lines + 1), LINES + 1)]
    assert texts(log) == wanted
    assert left_out is cut


def test_the_last_bytes(engine: Engine, container: str) -> None:
    """The first line that is left may lack its beginning, and is left out."""
    log, cut = engine.end_of_log(container, since=1.0, lines=LINES, most=10_000)
    assert cut
    assert 5_000 < len(log) < 12_000
    last = texts(log)
    assert last == [f"line {n}" for n in range(LINES - len(last) + 1, LINES + 1)]


def test_nothing_is_older_than_the_time_that_is_asked_for(engine: Engine, container: str) -> None:
    assert engine.end_of_log(container, since=time.time() + 60, lines=9, most=99) == ("", False)
