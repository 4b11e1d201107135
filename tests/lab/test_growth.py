"""More nodes cost in proportion: from 8 to 32, time and memory grow no faster than they do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hublab.deployment.creation import temporary
from hublab.deployment.plan import make_plan
from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.progress import silent
from hublab.running.lab import Lab
from hublab.running.ready import make_ready
from hublab.settings.values import NO_SETTINGS

pytestmark = pytest.mark.slow

NAME = "growth"
COUNTS = (2, 8, 16, 32)
TOLERANCE = 2.0
"""Of memory a node from 16 to 32 may take more than one from 2 to 16; with the square it is 2.7."""
ROUNDS = 4
"""Other work can only raise what a lab takes: the least counts, of more rounds where it does."""


@dataclass(frozen=True)
class Cost:
    """What a lab of some nodes took to come up, and what its containers hold in memory."""

    nodes: int
    seconds: float
    mebibytes: float


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine.connect()
    yield engine
    down(NAME, engine)


def cost_of(nodes: int, engine: Engine) -> Cost:
    down(NAME, engine)
    begun = time.monotonic()
    with temporary(make_plan(nodes=nodes), NAME, silent):
        lab = Lab.find(NAME, engine)
        asyncio.run(make_ready(lab, NO_SETTINGS, silent))
        seconds = time.monotonic() - begun
        memory = sum(engine.memory_bytes(host.id) for host in lab.hosts.values())
    return Cost(nodes, seconds, memory / 2**20)


def least(one: Cost, other: Cost) -> Cost:
    """The least that each measure was."""
    return Cost(one.nodes, min(one.seconds, other.seconds), min(one.mebibytes, other.mebibytes))


def too_much(costs: list[Cost]) -> str:
    """The measure that grows faster than the nodes do; nothing where none does.

    Hosts start side by side, a few at the price of one, so that the time of a node has no meaning
    for them: the whole may not grow faster than the number.
    """
    first, few, some, most = costs
    if most.seconds > few.seconds * most.nodes / few.nodes:
        return "seconds"
    early = (some.mebibytes - first.mebibytes) / (some.nodes - first.nodes)
    late = (most.mebibytes - some.mebibytes) / (most.nodes - some.nodes)
    return "mebibytes" if late > TOLERANCE * early else ""


def test_linear(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    cost_of(COUNTS[0], engine)  # images, and caches of the machine
    costs = [cost_of(nodes, engine) for nodes in COUNTS]
    for _ in range(ROUNDS - 1):
        if too_much(costs):
            costs = [least(cost, cost_of(cost.nodes, engine)) for cost in costs]
    with capsys.disabled():
        print(f"\n{'NODES':>5}  {'UP, S':>6}  {'MEMORY, MIB':>11}")
        for cost in costs:
            print(f"{cost.nodes:>5}  {cost.seconds:>6.1f}  {cost.mebibytes:>11.0f}")
    assert not too_much(costs), costs
