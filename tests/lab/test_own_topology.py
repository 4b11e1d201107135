"""An engineer's own hosts, with names of their own, and own configuration of hub and servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle import fresh_name, hublab, left_of, wait_until_gone

from hublab.deployment.removal import down
from hublab.engine import Engine

TOPOLOGY = """\
services:
  jhub: {labels: {hublab.role: hub}}
  front: {labels: {hublab.role: proxy}}
  w1: {labels: {hublab.role: node}}
  w2: {labels: {hublab.role: node}}
  desk: {labels: {hublab.role: client}}
"""
HUB_CONFIG = """\
c.JupyterHub.bind_url = "https://hub.example.org:443/jhub"
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
c.SystemdSpawner.mem_limit = "2G"
c.Spawner.environment.update({"COURSE": "physics"})
c.Authenticator.admin_users = {"alice"}
"""
SERVER_CONFIG = """\
c.ServerApp.port = 9000
c.ServerApp.allow_origin = "http://app.lab"
c.ServerApp.alow_origin = "*"
c.LanguageServerManager.autodetect = False
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("own")
    (made / "my.yaml").write_text(TOPOLOGY)
    (made / "jupyterhub_config.py").write_text(HUB_CONFIG)
    (made / "jupyter_server_config.py").write_text(SERVER_CONFIG)
    (made / "broken.py").write_text(HUB_CONFIG + "c.JupyterHub.tornado_settings = nothing\n")
    return made


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    """A lab from these files, and what of the configuration does not hold there."""
    name = fresh_name()
    configs = (
        "--hub-config",
        "jupyterhub_config.py",
        "--server-config",
        "jupyter_server_config.py",
    )
    paths = [str(folder / word) if word.endswith(".py") else word for word in configs]
    done = hublab("up", "--name", name, "--json", "-f", str(folder / "my.yaml"), *paths)
    try:
        assert done.returncode == 0, done.stderr
        yield name, {one["trait"]: one["ours"] for one in json.loads(done.stdout)["overridden"]}
    finally:
        down(name, Engine.connect())
    wait_until_gone(name)


def test_what_does_not_hold_is_told(lab: tuple[str, dict[str, str | None]]) -> None:
    assert lab[1] == {
        "JupyterHub.bind_url": None,
        "JupyterHub.spawner_class": "'ssh'",
        "JupyterHub.authenticator_class": "'shared-password'",
        "SystemdSpawner.mem_limit": None,
        "ServerApp.port": None,
        "ServerApp.alow_origin": None,
    }


def test_the_rest_holds_on_hosts_of_any_name(lab: tuple[str, dict[str, str | None]]) -> None:
    """A server on the second node, under their prefix, with their environment, for their admin."""
    name = lab[0]
    spawned = hublab("spawn", "alice", "--on", "w2", "--name", name)
    assert spawned.returncode == 0, spawned.stderr
    code = "import os; print(os.environ['COURSE'], os.environ['JUPYTERHUB_BASE_URL'])"
    cell = hublab("cell", "alice", code, "--name", name)
    assert cell.stdout.strip() == "physics /jhub/", cell.stderr
    assert hublab("reach", "--name", name).returncode == 0
    path = "/jhub/user/alice/lab"
    answer = hublab("request", path, "--as", "alice", "--name", name, "--json")
    headers = {key.lower(): value for key, value in json.loads(answer.stdout)["headers"].items()}
    assert headers["access-control-allow-origin"] == "http://app.lab"


def test_up_again_with_another_file(lab: tuple[str, dict[str, str | None]], folder: Path) -> None:
    """The hub of a running lab starts again with it; a file that is broken changes nothing."""
    name, files = lab[0], ("-f", str(folder / "my.yaml"))
    broken = hublab("up", "--name", name, *files, "--hub-config", str(folder / "broken.py"))
    assert broken.returncode == 64
    other = folder / "other.py"
    other.write_text(HUB_CONFIG.replace("/jhub", "/other"))
    again = hublab("up", "--name", name, *files, "--hub-config", str(other))
    assert again.returncode == 0, again.stderr
    routes = hublab("routes", "--name", name)
    assert "/other/" in routes.stdout
    assert "/jhub/" not in routes.stdout.replace("/jhub/user/", "")


def test_a_broken_file_leaves_nothing(folder: Path) -> None:
    name, path = fresh_name(), folder / "broken.py"
    done = hublab("up", "--name", name, "--hub-config", str(path))
    assert done.returncode == 64
    assert f"where: {path}:6" in done.stderr
    assert "NameError: name 'nothing' is not defined" in done.stderr
    assert left_of(name) == []
