"""An engine of the user's own, by DOCKER_HOST: the lab is made there, and nothing else is touched.

The second engine stands in a network namespace of its own, for two engines in one would share
their packet filter's chains.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hublab.engine import Engine
from hublab.engine.records import PROJECT
from hublab.machine.base_image import present_base

pytestmark = pytest.mark.slow

NAMESPACE = "hublab-own"
NAME = "own"


def run(*argv: str, **environment: str) -> str:
    """A command that must succeed."""
    done = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{argv}: {done.stderr[-3000:]}"
    return done.stdout


def inside(*argv: str) -> tuple[str, ...]:
    return ("nsenter", f"--net=/run/netns/{NAMESPACE}", *argv)


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[str]:
    """The address of a second engine that has nothing but the images of a lab."""
    if os.geteuid() != 0:
        pytest.skip("starting a second engine needs root")
    run("ip", "netns", "add", NAMESPACE)
    (tmp_path / "daemon.json").write_text("{}")
    log = (tmp_path / "dockerd.log").open("wb")
    address = f"unix://{tmp_path}/docker.sock"
    try:
        run("ip", "-n", NAMESPACE, "link", "set", "lo", "up")
        options = [
            f"--data-root={tmp_path}/data",
            f"--exec-root={tmp_path}/exec",
            f"--pidfile={tmp_path}/docker.pid",
            f"--host={address}",
            f"--config-file={tmp_path}/daemon.json",
            "--bip=198.18.254.1/24",
            "--default-address-pool=base=198.18.0.0/16,size=24",
        ]
        engine = subprocess.Popen(
            inside("unshare", "--mount", "dockerd", *options), stdout=log, stderr=log
        )
        try:
            end = time.monotonic() + 30
            while not Path(f"{tmp_path}/docker.sock").exists():
                assert engine.poll() is None, (tmp_path / "dockerd.log").read_text()[-3000:]
                assert time.monotonic() < end, "the second engine did not start"
                time.sleep(0.1)
            yield address
        finally:
            engine.terminate()
            engine.wait(30)
    finally:
        log.close()
        run("ip", "netns", "delete", NAMESPACE)


def everything(engine: Engine) -> list[object]:
    """What the first engine holds, apart from labs that come and go there beside this test."""
    api = engine.client.api
    return [
        sorted(entry["Id"] for entry in api.networks() if not of_others(entry)),
        sorted(entry["Name"] for entry in api.volumes()["Volumes"] or [] if not of_others(entry)),
        sorted(entry["Id"] for entry in api.images()),
    ]


def of_others(entry: dict[str, Any]) -> bool:
    """Whether a Compose project has it, and not the one that comes up here."""
    return bool((entry["Labels"] or {}).get(PROJECT, NAME) != NAME)


def test_an_engine_of_ones_own(own_engine: str, tmp_path: Path) -> None:
    hublab = [sys.executable, "-m", "hublab"]
    run(*hublab, "up", "--name", "own-source")  # images are there, and their base
    try:
        images = {c.image for c in Engine.connect().containers("own-source")}
        saved = tmp_path / "images.tar"
        base = present_base(Engine.connect())
        assert base is not None
        run("docker", "save", "--output", str(saved), base, *sorted(images))
    finally:
        run(*hublab, "down", "--name", "own-source")
    run("docker", "load", "--input", str(saved), DOCKER_HOST=own_engine)
    saved.unlink()
    before = everything(Engine.connect())

    run(*inside(*hublab, "up", "--name", NAME), DOCKER_HOST=own_engine)
    run(*inside(*hublab, "spawn", "alice", "--on", "node1", "--name", NAME), DOCKER_HOST=own_engine)
    cell = run(*inside(*hublab, "cell", "alice", "6 * 7", "--name", NAME), DOCKER_HOST=own_engine)
    run(*inside(*hublab, "down", "--name", NAME), DOCKER_HOST=own_engine)

    assert cell == "42\n"
    assert everything(Engine.connect()) == before
    left = run("docker", "ps", "-aq", DOCKER_HOST=own_engine)
    assert left == ""
