"""The page must be enough (issue 4, row 14): complete, and its configurations work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import Spawner
from machinery import Account, Hub
from traitlets.config import Config

from jupyterhub_sshspawner import SSHSpawner
from jupyterhub_sshspawner.traits import SSHTraits

PAGE = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_has_all_settings_and_no_others() -> None:
    table = PAGE.split("## Settings")[1].split("##")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", table, re.M))))
    ours = set(SSHSpawner.class_traits(config=True)) - set(Spawner.class_traits(config=True))
    assert named == ours


def test_every_setting_has_help() -> None:
    for name, trait in SSHTraits.class_own_traits(config=True).items():
        assert trait.help, name


@pytest.mark.parametrize("block", BLOCKS)
def test_configurations_are_accepted(block: str) -> None:
    config = Config()
    exec(block, {"c": config})
    spawner: Any = SSHSpawner(config=config)
    assert spawner.hosts
    assert spawner.known_hosts


@pytest.mark.sshd
def test_the_minimal_configuration_leads_to_a_server(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """As written, but for the places of files and the port of the test's sshd."""
    block = BLOCKS[0]
    keep = {"hosts", "known_hosts", "ssh_client_keys", "cmd", "hub_ip", "hub_connect_ip"}
    lines = [line for line in block.splitlines() if not keep & set(re.findall(r"\w+", line))]
    assert lines == ["", 'c.JupyterHub.spawner_class = "ssh"']
    alice = account()
    one = hub("\n".join(lines) + "\n")  # the same settings, with the fixture's values
    one.spawn(alice.name)
