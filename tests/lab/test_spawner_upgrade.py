"""The spawner's distribution is replaced under running servers, as an administrator upgrades it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import lifecycle
import pytest
from lifecycle import hublab, lab_for_a_test, output_of

from hublab.engine import Engine
from hublab.engine.records import File
from hublab.running.lab import Lab

pytestmark = pytest.mark.slow

PYTHON = "/opt/jupyter/bin/python"
VERSION = "99.0"
SITE = "/opt/jupyter/lib/python3.13/site-packages"
INSTALL = f'rm -rf {SITE}/jupyterhub_sshspawner* && {PYTHON} -m zipfile -e "$1" {SITE}'
"""What an installer does with a wheel; the images' own pip has no certificates to start with."""
WHICH = "from importlib.metadata import version; print(version('jupyterhub-sshspawner'))"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The spawner of this clone, with a later version."""
    source = tmp_path / "spawners"
    shutil.copytree(lifecycle.ROOT / "spawners", source, ignore=shutil.ignore_patterns(".*"))
    init = source / "jupyterhub_sshspawner" / "__init__.py"
    text, marked, rest = init.read_text().partition('__version__ = "')
    init.write_text(f"{text}{marked}{VERSION}{rest[rest.index(chr(34)) :]}")
    output_of(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, source),
        cwd=tmp_path,
    )
    (found,) = tmp_path.glob("*.whl")
    return found


def test_servers_go_on_under_another_version(wheel: Path) -> None:
    """The server of the old version runs, is known and is stopped by the new one, which starts
    another.
    """
    with lab_for_a_test() as name:
        lab = Lab.find(name, Engine.connect())
        hub = lab.one("hub").service
        assert hublab("spawn", "alice", "--on", "node1", "--name", name).returncode == 0
        before = lab.output(hub, PYTHON, "-c", WHICH).strip()
        lab.engine.put_files(lab.host(hub).id, "/tmp", [File(wheel.name, wheel.read_bytes())])
        lab.output(hub, "sh", "-c", INSTALL, "-", f"/tmp/{wheel.name}")
        assert lab.output(hub, PYTHON, "-c", WHICH).strip() == VERSION != before
        assert hublab("restart", "hub", "--name", name).returncode == 0
        log = hublab("logs", "hub", "--name", name).stdout
        assert f"jupyterhub_sshspawner.spawner.SSHSpawner-{VERSION}" in log
        cell = hublab("cell", "alice", "6 * 7", "--name", name)
        assert cell.stdout.strip() == "42", cell.stderr
        running = ("pgrep", "-u", "alice", "-f", "singleuser")
        assert lab.run("node1", *running).exit_code == 0
        assert hublab("stop", "alice", "--name", name).returncode == 0
        assert lab.run("node1", *running).exit_code == 1
        assert hublab("spawn", "alice", "--on", "node2", "--name", name).returncode == 0
