"""Reading is not writing: what looks at files leaves labs as they are; refusals wait for nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle import fresh_name, hublab

from hublab.deployment.removal import down
from hublab.deployment.up_lock import up_lock
from hublab.engine import Engine
from hublab.paths import labs_folder, overlay_file

OTHER = """\
services:
  jhub: {labels: {hublab.role: hub}}
  front: {labels: {hublab.role: proxy}}
  worker: {labels: {hublab.role: node}}
  desk: {labels: {hublab.role: client}}
"""


@pytest.fixture(scope="module")
def three_nodes() -> Iterator[str]:
    """A lab of three nodes, with a server on the third."""
    name = fresh_name()
    done = hublab("up", "--name", name, "--nodes", "3")
    try:
        assert done.returncode == 0, done.stderr
        spawned = hublab("spawn", "alice", "--on", "node3", "--name", name)
        assert spawned.returncode == 0, spawned.stderr
        yield name
    finally:
        down(name, Engine.connect())


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.yaml"
    path.write_text(OTHER)
    return path


def containers(name: str) -> set[str]:
    return {one.id for one in Engine.connect().containers(name)}


@pytest.mark.parametrize("command", [("graph", "-f"), ("validate",)])
def test_looking_at_a_file_leaves_the_running_lab_alone(
    three_nodes: str, other: Path, command: tuple[str, ...]
) -> None:
    """`graph -f` wrote its own overlay over that of the lab which has the name."""
    before = overlay_file(three_nodes).read_bytes()
    named = ["--name", three_nodes] if command[0] == "graph" else []
    done = hublab(*command, str(other), *named)
    assert done.returncode == 0, done.stderr
    assert overlay_file(three_nodes).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--nodes", "2"), "runs already, with 3 nodes"),
        ((), "runs already, with hosts that it would lose: node3"),
        (("-f", "OTHER"), "runs already, from other files"),
    ],
)
def test_up_takes_no_host_away(
    three_nodes: str, other: Path, arguments: tuple[str, ...], message: str
) -> None:
    """`up --nodes 2` removed the third node with its servers, without a message."""
    before = containers(three_nodes)
    words = [str(other) if word == "OTHER" else word for word in arguments]
    done = hublab("up", "--name", three_nodes, *words)
    assert (done.returncode, message in done.stderr) == (64, True), done.stderr
    assert containers(three_nodes) == before
    servers = json.loads(hublab("ps", "--name", three_nodes, "--json").stdout)["servers"]
    assert [(one["user"], one["host"]) for one in servers] == [("alice", "node3")]


def test_the_same_command_again_finds_the_lab(three_nodes: str) -> None:
    before = containers(three_nodes)
    done = hublab("up", "--name", three_nodes, "--nodes", "3")
    assert done.returncode == 0, done.stderr
    assert containers(three_nodes) == before


@pytest.mark.parametrize(
    "wrong",
    [("-f", "missing.yaml"), ("--hub-config", "missing.py"), ("--name", "No Name")],
)
def test_a_refusal_waits_for_no_other_lab(wrong: tuple[str, str], tmp_path: Path) -> None:
    """The lock is held here as by another `up`; 180 s later the command would be given up."""
    name = fresh_name()
    with up_lock(print):
        done = hublab("up", "--name", name, *wrong, cwd=tmp_path)
    assert done.returncode == 64, done.stderr
    assert "waiting" not in done.stderr
    assert not (labs_folder() / name).exists()


def test_a_refused_plan_leaves_nothing(tmp_path: Path) -> None:
    """Compose files of one's own with a fault: no folder, container or network."""
    name = fresh_name()
    (tmp_path / "bad.yaml").write_text(OTHER.replace("hublab.role: node", "hublab.role: nodde"))
    done = hublab("up", "--name", name, "-f", str(tmp_path / "bad.yaml"))
    assert (done.returncode, "hint: node" in done.stderr) == (64, True), done.stderr
    assert not (labs_folder() / name).exists()
    assert not Engine.connect().leftovers(name)


def test_a_database_and_a_front_come_by_their_roles_alone(tmp_path: Path) -> None:
    """All overlays' roles are in the one table: nginx leads to the proxy, the hub waits for its
    database."""
    name = fresh_name()
    path = tmp_path / "own.yaml"
    more = (
        "  web: {labels: {hublab.role: reverse-proxy}}\n  db: {labels: {hublab.role: database}}\n"
    )
    path.write_text(OTHER + more)
    try:
        done = hublab("up", "--name", name, "-f", str(path))
        assert done.returncode == 0, done.stderr
        answer = hublab("request", "/hub/health", "--name", name)
        assert ("HTTP/1.1 200" in answer.stdout, "nginx" in answer.stdout) == (True, True), answer
        rows = hublab("db", "users", "--name", name)
        assert rows.returncode == 0, rows.stderr
    finally:
        down(name, Engine.connect())
