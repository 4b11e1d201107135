"""What commands make of arguments that leave no choice: they say so, and do nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hublab.cli.common import for_lab
from hublab.running.lab import DEFAULT_NAME

USAGE = 64


def refused(tmp_path: Path, *argv: str) -> str:
    """What a command says that is refused for its usage, and leaves nothing behind."""
    done = subprocess.run(
        [sys.executable, "-m", "hublab", *argv], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (USAGE, "", [])
    return done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ("init", ""),
        ("up", "--hub-source", ""),
        ("up", "-f", ""),
        ("up", "--password-file", ""),
        ("export", ""),
        ("matrix", ""),
    ],
)
def test_an_empty_name_of_a_file_is_refused(tmp_path: Path, argv: tuple[str, ...]) -> None:
    """As of a variable of a shell that is not set; a path library takes it for this folder."""
    assert "it is empty" in refused(tmp_path, *argv)


def test_a_table_has_one_form(tmp_path: Path) -> None:
    argv = ("matrix", "--axis", "hub.JupyterHub.hub_ip=a", "--csv", "--md")
    assert "a table has one form" in refused(tmp_path, *argv)


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("`hublab spawn alice` first", "`hublab spawn alice --name other` first"),
        (
            "`hublab reach` or `hublab ps`",
            "`hublab reach --name other` or `hublab ps --name other`",
        ),
        ("`hublab up --name other` again", "`hublab up --name other` again"),
        ("`hublab doctor --fix` installs it", "`hublab doctor --fix` installs it"),
        ("`hublab setup`", "`hublab setup`"),
    ],
)
def test_a_hint_is_for_the_lab_that_the_command_was_for(hint: str, shown: str) -> None:
    assert for_lab(hint, "other") == shown
    assert for_lab(hint, DEFAULT_NAME) == hint
