"""Ctrl-C and SIGKILL at several moments of `hublab up`: nothing of the lab is left."""

from __future__ import annotations

import signal

import pytest
from lifecycle import HUBLAB, Running, fresh_name, left_of, wait_until_gone

from hublab.deployment.removal import down
from hublab.engine import Engine

MOMENTS = {
    "init was started": r"started \S+-init-1",
    "a host was started": r"started \S+-(hub|node1)-1",
    "the hub is awaited": "waiting for the hub",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c(moment: str) -> None:
    """Exit code 130, and all is gone when the command has ended."""
    name = fresh_name()
    up = Running(*HUBLAB, "up", "--name", name)
    try:
        up.wait_for(MOMENTS[moment])
        assert up.end(signal.SIGINT) == 130, up.said
        assert "Traceback" not in up.said
        assert [thing for thing in left_of(name) if "process" not in thing] == []
        wait_until_gone(name)
    finally:
        down(name, Engine.connect())


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed(moment: str) -> None:
    """Nobody can clean up after itself here: the guard does."""
    name = fresh_name()
    up = Running(*HUBLAB, "up", "--name", name)
    try:
        up.wait_for(MOMENTS[moment])
        up.end(signal.SIGKILL)
        wait_until_gone(name)
    finally:
        down(name, Engine.connect())
