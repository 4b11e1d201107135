"""What a killed run of the spawner's tests leaves is a lab of one node, which the commands know."""

from __future__ import annotations

import json
import signal
import sys

from lifecycle import ROOT, Running, hublab, left_of

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.machine.base_image import choose_base
from hublab.machine.commands import ignore

RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from containers import TestRun
run = TestRun("spawner-test")
with run.container(sys.argv[2], "node1", ["sh", "-c", "echo begun; exec sleep infinity"]) as one:
    for piece in one.output():
        print(run.name, piece.decode(), flush=True)
"""


def test_a_run_that_is_killed() -> None:
    """`ps` lists its container; `prune` removes every name that `labs` finds, as `down` does."""
    engine = Engine.connect()
    base = choose_base(engine, ignore)
    run = Running(sys.executable, "-c", RUN, str(ROOT / ".ci"), base)
    name = run.wait_for(r"(spawner-test-\S+) begun")[1]
    try:
        run.end(signal.SIGKILL)
        assert name in engine.labs()
        shown = hublab("ps", "--name", name)
        assert shown.returncode == 0, shown.stderr
        assert "node1" in shown.stdout
        told = json.loads(hublab("ps", "--name", name, "--json").stdout)
        assert told["url"] is None
        assert [(host["name"], host["state"]) for host in told["hosts"]] == [("node1", "running")]
        assert hublab("down", "--name", name).returncode == 0
        assert left_of(name) == []
    finally:
        down(name, engine)


def test_a_run_that_is_interrupted() -> None:
    run = Running(
        sys.executable, "-c", RUN, str(ROOT / ".ci"), choose_base(Engine.connect(), ignore)
    )
    name = run.wait_for(r"(spawner-test-\S+) begun")[1]
    run.end(signal.SIGINT)
    assert left_of(name) == []
