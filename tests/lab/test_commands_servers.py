"""`hublab spawn` and `hublab exec` where something else is meant, or comes between."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from lifecycle import HUBLAB, Running, hublab, lab_for_a_test

SLOW_START = "hub.SSHSpawner.prologue=sleep 3"


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    with lab_for_a_test() as name:
        yield name


def servers(name: str) -> list[dict[str, str]]:
    done = hublab("ps", "--name", name, "--json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["servers"])


@pytest.mark.parametrize("user", ["alice/server", "alice/servers/x"])
def test_a_name_is_one_part_of_a_path(name: str, user: str) -> None:
    """The hub is asked for that user, whom it refuses, and starts nobody else's server."""
    done = hublab("spawn", user, "--name", name)
    assert done.returncode == 1
    assert "the hub answered 4" in done.stderr
    assert servers(name) == []


@pytest.mark.parametrize("user", ["", ".", ".."])
def test_what_no_path_can_hold(name: str, user: str) -> None:
    done = hublab("spawn", user, "--name", name)
    assert done.returncode == 64
    assert f"{user!r} cannot be the name of a user" in done.stderr


def test_a_start_that_is_under_way_on_another_node(name: str) -> None:
    """The hub joins it, and `--on` is not obeyed: no success."""
    assert hublab("set", SLOW_START, "--name", name).returncode == 0
    first = Running(*HUBLAB, "spawn", "dave", "--on", "node2", "--name", name)
    first.wait_for("node2")
    done = hublab("spawn", "dave", "--on", "node1", "--name", name)
    assert done.returncode == 1
    assert "is ready on node2, not on node1" in done.stderr
    assert first.process.wait(60) == 0


def test_a_command_that_is_interrupted(name: str) -> None:
    """It ends on its host too, with what it started."""
    script = "sleep 7777 & echo begun; wait"
    command = Running(*HUBLAB, "exec", "node1", "--name", name, "--", "sh", "-c", script)
    command.wait_for("begun")
    assert command.end(signal.SIGINT) == 130
    left = hublab("exec", "node1", "--name", name, "--", "ps", "-eo", "args")
    assert left.returncode == 0
    assert "sleep 7777" not in left.stdout.replace(script, "")
    assert script not in left.stdout


def test_a_command_s_exit_code(name: str) -> None:
    argv = ["exec", "node1", "--user", "alice", "--name", name, "--"]
    assert hublab(*argv, "sh", "-c", "exit 7").returncode == 7
    assert hublab(*argv, "id", "-un").stdout == "alice\n"
