"""Help, version, completion and a misspelt verb come from the table of verbs, which is true."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete

from hublab.cli import cli
from hublab.cli.verbs import VERBS

HEAVY = ("docker", "asyncssh", "aiohttp", "rich", "yaml")
"""What the verbs load, and what costs most of their start."""
HELP_WIDTH = 61
"""What a terminal of 80 columns leaves for a verb's line beside the longest name, conformance."""

SCRIPT = """
import sys, atexit, json
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from hublab.cli import main
main()
"""


def modules_after(*argv: str, **environment: str) -> tuple[set[str], str]:
    """The modules that a run of `hublab` has loaded at its end, and its stdout."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *argv],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return set(json.loads(done.stderr.splitlines()[-1])), done.stdout


@pytest.mark.parametrize(
    ("argv", "shown"),
    [(("--help",), "conformance"), (("--version",), "version"), (("spwan", "alice"), "")],
)
def test_no_verb_is_loaded(argv: tuple[str, ...], shown: str) -> None:
    modules, out = modules_after(*argv)
    assert shown in out
    assert modules.isdisjoint(HEAVY)
    assert not {f"hublab.cli.{verb.module}" for verb in VERBS.values()} & modules


def test_completion_of_verbs_loads_none() -> None:
    modules, out = modules_after(
        _HUBLAB_COMPLETE="bash_complete", COMP_WORDS="hublab s", COMP_CWORD="1"
    )
    assert out.split() == ["plain,spawn", "plain,stop", "plain,set", "plain,start", "plain,shell"]
    assert modules.isdisjoint(HEAVY)


def test_a_verb_does_load_them() -> None:
    """Else the tests above would hold for a list of modules that nobody imports."""
    modules, _ = modules_after("demo", "--help")
    assert modules.issuperset(HEAVY)


@pytest.mark.parametrize("name", VERBS)
def test_the_table_agrees_with_the_command(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help is not None
    assert command.help.partition("\n")[0] == VERBS[name].help


@pytest.mark.parametrize("name", VERBS)
def test_a_line_of_the_listing_is_not_wrapped(name: str) -> None:
    assert len(VERBS[name].help) <= HELP_WIDTH


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ([], "--v", ["--version"]),
        (["spawn", "alice"], "--o", ["--on"]),
        (["fault"], "", ["freeze", "partition"]),
        (["reproduce"], "jupyterhub#200", ["jupyterhub#2000"]),
        (["set"], "s", ["server.", "sshd."]),
    ],
)
def test_what_else_is_completed(words: list[str], incomplete: str, expected: list[str]) -> None:
    found = ShellComplete(cli, {}, "hublab", "_HUBLAB_COMPLETE").get_completions(words, incomplete)
    assert [item.value for item in found] == expected
