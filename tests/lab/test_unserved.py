"""A lab whose settings cut people off: `up` says whom, finds it again, and pytest may use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle import fresh_name, hublab
from test_fixture import INI

from hublab.deployment.removal import down
from hublab.engine import Engine

CONNECT = "hub.JupyterHub.hub_connect_ip"
SUITE = """\
from hublab.engine import Engine

async def test_node2(lab, case):
    states = {one.service: one.state for one in Engine.connect().containers(lab.name)}
    assert (states["node2"] == "paused") == (case["fault"] != "none")
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """Expected is what scenarios/cross_host/test_hub_at_loopback.py shows of that setting."""
    name = fresh_name()
    done = hublab("up", "--name", name, "--set", f"{CONNECT}=127.0.0.1")
    try:
        assert done.returncode == 0, done.stderr
        assert f"lab {name} is up" in done.stdout
        assert "nobody can sign in: the proxy does not reach the hub" in done.stdout
        assert "servers on node1 and node2 cannot reach the hub" in done.stdout
        assert f"`hublab unset {CONNECT} --name {name}` undoes it" in done.stdout
        yield name
    finally:
        down(name, Engine.connect())


def test_such_a_lab_is_found_again(lab: str) -> None:
    done = hublab("up", "--name", lab, "--json")
    assert done.returncode == 0, done.stderr
    assert "the hub runs, and the proxy answered 503" in done.stderr
    assert {one["setting"] for one in json.loads(done.stdout)["unserved"]} == {CONNECT}


def test_pytest_causes_the_fault_of_an_axis_and_heals_it(lab: str, tmp_path: Path) -> None:
    """In that lab, whose settings are then as before."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text(INI)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--lab-name", lab,
         "--axis", "fault=none,freeze node2"],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    containers = Engine.connect().containers(lab)
    assert next(one.state for one in containers if one.service == "node2") == "running"
    assert f"{CONNECT}=127.0.0.1" in hublab("set", "--name", lab).stdout
