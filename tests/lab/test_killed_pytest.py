"""A test run that is killed at any moment leaves nothing of its lab."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from lifecycle import Running, wait_until_gone

from hublab.deployment.removal import down
from hublab.engine import Engine

SCENARIO = """\
import asyncio
import pytest
from hublab.faults import freeze, partition

@pytest.mark.matrix("server.ServerApp.allow_origin", ["*"])
async def test_it(lab):
    print("moment: in a test", flush=True)
    await lab.spawn("alice", on="node1")
    await (await lab.sign_in("alice")).open_server()
    print("moment: a server runs", flush=True)
    async with partition(lab, "hub", "node1", seconds=60), freeze(lab, "node2", seconds=60):
        print("moment: faults bite", flush=True)
        await asyncio.sleep(60)
"""
INI = "[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = session\n"
MOMENTS = {
    "hosts are made": r"started \S+-init-1",
    "the hub is awaited": "waiting for the hub",
    "in a test": "moment: in a test",
    "faults bite": "moment: faults bite",
}


def scenario(folder: Path) -> Running:
    """A suite of one scenario that lasts a minute, running."""
    (folder / "test_scenario.py").write_text(SCENARIO)
    (folder / "pytest.ini").write_text(INI)
    return Running(sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", cwd=folder)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed(moment: str, tmp_path: Path) -> None:
    """SIGKILL to pytest alone: after the grace time there is no trace of its lab."""
    run = scenario(tmp_path)
    name = run.wait_for(r"bringing up lab (\S+)")[1]
    try:
        run.wait_for(MOMENTS[moment])
        run.end(signal.SIGKILL)
        wait_until_gone(name)
    finally:
        down(name, Engine.connect())


@pytest.mark.parametrize("moment", ["hosts are made", "faults bite"])
def test_ctrl_c(moment: str, tmp_path: Path) -> None:
    """Ctrl-C ends the run as pytest does (exit code 2), with faults healed and the lab gone."""
    run = scenario(tmp_path)
    name = run.wait_for(r"bringing up lab (\S+)")[1]
    try:
        run.wait_for(MOMENTS[moment])
        assert run.end(signal.SIGINT) == pytest.ExitCode.INTERRUPTED, run.said
        wait_until_gone(name)
    finally:
        down(name, Engine.connect())
