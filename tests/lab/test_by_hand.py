"""`docker compose up` by hand makes the same lab, which hublab finds and ends."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from lifecycle import fresh_name, hublab, left_of, wait

from hublab.addresses import free_subnets, prefix
from hublab.deployment.removal import down
from hublab.deployment.variables import free_port
from hublab.engine import Engine

COMPOSE = Path(__file__).parents[2] / "compose" / "lab.yaml"


def test_by_hand() -> None:
    """The images that hublab tagged `dev`, a free subnet, and free ports."""
    engine, name = Engine.connect(), fresh_name()
    if engine.image_id("hublab-hub:dev") is None:
        pytest.fail("there are no images with the tag dev; `make images` builds them")
    environment = {
        **os.environ,
        "HUBLAB_NAME": name,
        "HUBLAB_SUBNET": prefix(next(free_subnets(engine.subnets_in_use()))),
        "HUBLAB_PROXY_PORT": str(free_port()),
        "HUBLAB_CLIENT_PORT": str(free_port()),
    }
    try:
        subprocess.run(
            ["docker", "compose", "-f", str(COMPOSE), "up", "-d"],
            env=environment,
            capture_output=True,
            timeout=120,
            check=True,
        )

        def found() -> bool:
            done = hublab("ps", "--name", name, "--json")
            return done.returncode == 0 and json.loads(done.stdout)["servers"] == []

        wait(found, 60, lambda: hublab("ps", "--name", name).stderr)
        hosts = json.loads(hublab("ps", "--name", name, "--json").stdout)["hosts"]
        roles = {host["name"]: host["role"] for host in hosts}
        assert roles == {
            "hub": "hub",
            "proxy": "proxy",
            "node1": "node",
            "node2": "node",
            "client": "client",
        }
        assert {h["address"].rpartition(".")[0] for h in hosts} == {environment["HUBLAB_SUBNET"]}
        assert hublab("spawn", "alice", "--on", "node1", "--name", name).returncode == 0
        cell = hublab("cell", "alice", "__import__('socket').gethostname()", "--name", name)
        assert (cell.returncode, "node1" in cell.stdout) == (0, True), cell.stderr
        assert hublab("down", "--name", name).returncode == 0
        assert left_of(name) == []
    finally:
        down(name, engine)
