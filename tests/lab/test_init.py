"""`hublab init` in an empty folder: what it writes is a lab, and nothing is ever overwritten."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import lifecycle
import pytest
from lifecycle import HUBLAB, fresh_name, hublab, output_of

from hublab.cli.init import FILES
from hublab.deployment.removal import down
from hublab.engine import Engine


def test_it_writes_what_validates_and_overwrites_nothing(tmp_path: Path) -> None:
    done = hublab("init", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    valid = hublab("validate", "lab.yaml", cwd=tmp_path)
    assert valid.returncode == 0, valid.stderr

    (tmp_path / "lab.yaml").write_text("mine")
    (tmp_path / "test_lab.py").unlink()
    again = hublab("init", cwd=tmp_path)
    assert again.returncode == 64
    assert "where: lab.yaml\n         jupyterhub_config.py\n" in again.stderr
    assert (tmp_path / "lab.yaml").read_text() == "mine"
    assert not (tmp_path / "test_lab.py").exists(), "it writes all of them or none"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = hublab("init", "file/lab", cwd=tmp_path)
    assert done.returncode == 64
    assert "file/lab" in done.stderr


@pytest.mark.slow
def test_what_it_says_to_run_works(tmp_path: Path) -> None:
    """Each command that it prints, in its order and in that folder; a lab has a name of ours."""
    made = json.loads(hublab("init", "my lab", "--json", cwd=tmp_path).stdout)
    enter, *commands = map(shlex.split, made["next"])
    folder, name = tmp_path / enter[1], fresh_name()
    assert enter[0] == "cd"
    try:
        for program, *arguments in commands:
            if program == "pytest":
                said = output_of(sys.executable, "-m", program, *arguments, cwd=folder)
                assert "1 passed" in said
            else:
                assert program == "hublab"
                said = output_of(*HUBLAB, *arguments, "--name", name, cwd=folder)
                assert "does not hold" not in said
    finally:
        down(name, Engine.connect())
    assert not lifecycle.left_of(name)
