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


def test_the_log_of_a_user_s_server(name: str) -> None:
    """Of a server that ended too, and of one whose folder had to be elsewhere."""
    assert hublab("spawn", "bob", "--on", "node1", "--name", name).returncode == 0
    assert hublab("stop", "bob", "--name", name).returncode == 0
    done = hublab("logs", "bob", "--json", "--name", name)
    assert done.returncode == 0, done.stderr
    log = json.loads(done.stdout)
    assert (log["host"], log["user"], log["server"]) == ("node1", "bob", "")
    assert any("GET /user/bob/api" in line for line in log["lines"])
    assert log["path"].startswith("/home/bob/.jupyterhub-ssh/")
    nowhere = "hub.SSHSpawner.run_dir=/proc/jupyterhub"
    assert hublab("set", nowhere, "--name", name).returncode == 0
    spawned = hublab("spawn", "bob", "--server", "two", "--on", "node2", "--name", name)
    assert spawned.returncode == 0, spawned.stderr
    log = json.loads(hublab("logs", "bob/two", "--json", "--name", name).stdout)
    assert log["path"].startswith("/var/tmp/jupyterhub-ssh-bob/")
    assert (log["host"], log["server"]) == ("node2", "two")
    assert any("GET /user/bob/two/api" in line for line in log["lines"])
    missing = hublab("logs", "bob/three", "--name", name)
    assert missing.returncode == 64
    assert "there is bob/two" in missing.stderr


def test_logs_on_one_clock(name: str) -> None:
    """That spawn as the node, the server itself and the hub log it."""
    done = hublab("logs", "bob/two", "node2", "hub", "--json", "--name", name)
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)["lines"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    steps = (
        ("node2", "Accepted publickey for bob"),
        ("bob/two", "is running at"),
        ("hub", "Server bob:two is ready"),
    )
    places = [
        max(i for i, line in enumerate(lines) if line["source"] == source and said in line["text"])
        for source, said in steps
    ]
    assert places == sorted(places)
