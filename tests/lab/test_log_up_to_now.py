"""A log as it is read behind a moment: with all that was written before it, and nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from one_container import running

from hublab.engine import Engine
from hublab.engine.logs import MARKED

ROUNDS, LINES = 10, 5000
"""Read at once, nearly every such log lacks its end on an idle machine; one of a few lines does
under load alone."""
SAY = f'seq -f "$0 %g" {LINES} >/proc/1/fd/2; echo "$0" >/proc/1/fd/1'
"""Many lines on one of the streams and then one on the other."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine.connect()
    yield engine
    engine.close()


@pytest.fixture
def container(engine: Engine) -> Iterator[str]:
    """A container whose first program waits."""
    with running(engine, "sleep", "infinity") as made:
        yield made


def test_what_was_written_before_is_there(engine: Engine, container: str) -> None:
    """On either stream, whatever the engine still has to read."""
    for round in range(ROUNDS):
        engine.exec(container, ["sh", "-c", SAY, f"round-{round}"])
        engine.settle_log(container)
        log = engine.logs(container).splitlines()
        assert {f"round-{round} {LINES}", f"round-{round}"} <= set(log)
        assert len(log) == (LINES + 1) * (round + 1)


def test_nobody_sees_how_far_a_log_was_read(engine: Engine, container: str) -> None:
    """Not who reads it whole, with times, its end, or as it grows."""
    engine.exec(container, ["sh", "-c", SAY, "said"])
    engine.settle_log(container)
    assert MARKED.encode() in engine.client.api.logs(container)
    assert MARKED not in engine.logs(container)
    assert MARKED not in engine.logs(container, timestamps=True)
    end, _ = engine.end_of_log(container, since=1.0, lines=2 * LINES, most=1_000_000)
    assert MARKED not in end
    assert end.count("\n") == LINES + 1
    engine.client.api.stop(container, timeout=0)
    followed = "".join(engine.follow_logs(container))
    assert followed == engine.logs(container)
    assert MARKED not in followed


def test_a_host_that_writes_nothing_more_is_not_waited_for(engine: Engine, container: str) -> None:
    """A frozen container runs nothing, and one that has ended never will."""
    engine.exec(container, ["sh", "-c", SAY, "said"])
    engine.pause(container)
    engine.settle_log(container)
    engine.unpause(container)
    engine.client.api.stop(container, timeout=0)
    engine.settle_log(container)
    assert f"said {LINES}" in engine.logs(container)
