"""Every wrong turn is answered by one clear message, and leaves the lab as it was, or gone."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lifecycle import hublab

from hublab.deployment.removal import down
from hublab.engine import Engine

HERE = Path(__file__).parent / "wrong_turns"
ROOT = Path(__file__).parents[2]
TURNS = yaml.safe_load((Path(__file__).parent / "wrong_turns.yaml").read_text())
GOLDEN = "golden"
PROGRESS = re.compile(r"^ *\d+\.\d+ s  .*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def taken_port() -> Iterator[str]:
    """A port of the loopback that somebody else has."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield str(holder.getsockname()[1])


@pytest.fixture(scope="module")
def golden() -> Iterator[str]:
    """A lab that runs, with bob's server on node2."""
    assert hublab("up", "--name", GOLDEN).returncode == 0
    try:
        assert hublab("spawn", "bob", "--on", "node2", "--name", GOLDEN).returncode == 0
        yield GOLDEN
    finally:
        down(GOLDEN, Engine.connect())


def state(lab: str) -> list[object]:
    """What a lab is made of: containers with their states, networks, volumes."""
    engine = Engine.connect()
    containers = [(c.id, c.state) for c in engine.containers(lab) if not c.sidecar_of]
    things = sorted(thing for thing in engine.leftovers(lab) if "sidecar" not in thing)
    return [containers, things]


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn["turn"])
def test_wrong_turn(turn: dict[str, Any], taken_port: str, request: pytest.FixtureRequest) -> None:
    lab = turn.get("lab")
    if lab:
        request.getfixturevalue("golden")

    def filled(text: str) -> str:
        places = {"<root>": str(ROOT), "<here>": str(HERE), "<taken>": taken_port}
        for place, value in places.items():
            text = text.replace(place, value)
        return text

    argv = [filled(word) for word in turn["argv"]]
    if lab:
        end = argv.index("--") if "--" in argv else len(argv)
        argv[end:end] = ["--name", lab]
    environment = {key: filled(value) for key, value in turn.get("environment", {}).items()}
    before = state(lab or "w")

    done = hublab(*argv, cwd=HERE, environment=environment)

    assert PROGRESS.sub("", done.stderr) == filled(turn["says"])
    assert done.returncode == turn["exit"]
    assert done.stdout == ""
    assert state(lab or "w") == before


def test_forty_at_least() -> None:
    assert len(TURNS) >= 40
    assert len({turn["turn"] for turn in TURNS}) == len(TURNS)
