"""`up` may be said again, labs stand side by side, `down` leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lifecycle import fresh_name, hublab, lab_for_a_test, left_of

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.paths import labs_folder


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """A lab that the tests here look at and leave as it is."""
    with lab_for_a_test() as name:
        yield name


def ps(name: str) -> dict[str, Any]:
    done = hublab("ps", "--name", name, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def identities(name: str) -> dict[str, tuple[str, str, dict[int, int]]]:
    """What must not change under a lab: its containers, their addresses and ports."""
    return {
        c.service: (c.id, str(c.address), dict(c.ports)) for c in Engine.connect().containers(name)
    }


def test_up_again_changes_nothing(lab: str) -> None:
    """The same containers, and the same hub process in them."""
    hub = next(c for c in Engine.connect().containers(lab) if c.role == "hub")

    def hub_process() -> str:
        return Engine.connect().exec(hub.id, ["s6-svstat", "-o", "pid", "/etc/s6/hub"]).stdout

    before, process = identities(lab), hub_process()
    again = hublab("up", "--name", lab, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["name"] == lab
    assert (identities(lab), hub_process()) == (before, process)


def test_labs_side_by_side(lab: str) -> None:
    """Two labs share no subnet and no port, and one's end is nothing to the other."""
    before = identities(lab)
    with lab_for_a_test() as other:
        one, two = ps(lab), ps(other)
        assert one["subnet"] != two["subnet"]
        assert one["url"] != two["url"]
        assert {h["address"] for h in one["hosts"]}.isdisjoint(h["address"] for h in two["hosts"])
        assert hublab("spawn", "alice", "--on", "node1", "--name", other).returncode == 0
        assert ps(lab)["servers"] == []
        assert hublab("down", "--name", other).returncode == 0
        assert left_of(other) == []
    assert identities(lab) == before
    assert hublab("spawn", "alice", "--on", "node2", "--name", lab).returncode == 0
    assert [server["host"] for server in ps(lab)["servers"]] == ["node2"]


def test_down_leaves_nothing() -> None:
    """With servers, sidecars and journals in it; a second `down` finds nothing and is no error."""
    with lab_for_a_test() as name:
        assert hublab("spawn", "alice", "--name", name).returncode == 0
        assert hublab("reach", "--name", name).returncode == 0
        assert list((labs_folder() / name).glob("*.ndjson"))
        assert any("sidecar" in thing for thing in left_of(name))

        done = hublab("down", "--name", name, "--json")
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["removed"]) > 10
        assert left_of(name) == []
        again = hublab("down", "--name", name, "--json")
        assert (again.returncode, json.loads(again.stdout)["removed"]) == (0, [])


UNLUCKY = "#!/bin/sh\nsleep {seconds}\necho no luck today; exit 7\n"
FIRST_PROGRAM = "/usr/bin/s6-svscan"
"""Of the hosts' images; `init` has a command, for which it is python3."""


@pytest.mark.parametrize(
    ("host", "program", "seconds"),
    [
        ("init", "/usr/bin/python3", 0),
        ("hub", FIRST_PROGRAM, 0),
        # Later the engine refuses a command on it before it lists it as ended.
        ("hub", FIRST_PROGRAM, 0.3),
        ("client", FIRST_PROGRAM, 0.8),
        ("node2", FIRST_PROGRAM, 0),
    ],
)
def test_a_failed_up_says_why_and_leaves_nothing(
    tmp_path: Path, host: str, program: str, seconds: float
) -> None:
    """A host that ends at once, or soon: its last words, our exit code, and nothing half-made."""
    file, script, name = tmp_path / "overlay.yaml", tmp_path / "unlucky", fresh_name()
    script.write_text(UNLUCKY.format(seconds=seconds))
    script.chmod(0o755)
    file.write_text(f'services: {{{host}: {{volumes: ["{script}:{program}:ro"]}}}}')
    base = Path(__file__).parents[2] / "compose" / "lab.yaml"
    try:
        done = hublab("up", "--name", name, "-f", str(base), "-f", str(file))
        assert done.returncode == 70
        assert host in done.stderr
        assert "ended with" in done.stderr
        assert "no luck today" in done.stderr
        assert "Traceback" not in done.stderr
        assert left_of(name) == []
    finally:
        down(name, Engine.connect())


def test_settings_that_a_new_hub_refuses() -> None:
    """The lab is gone then, and no command on it is advised."""
    name, setting = fresh_name(), "hub.JupyterHub.hub_bind_url=http://192.0.2.1:8081"
    try:
        done = hublab("up", "--name", name, "--set", setting)
        assert done.returncode == 1
        assert "hublab: the hub ended with exit code 1; its last words:" in done.stderr
        assert f"--name {name}" not in done.stderr
        assert left_of(name) == []
    finally:
        down(name, Engine.connect())
