"""What of a user's configuration comes onto the hub's host, and what is taken away there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from hublab.deployment.own_config import Override, OwnConfig, without_idle_password
from hublab.deployment.own_environment import Variables
from hublab.deployment.own_hosts import files_of_hub
from hublab.engine import Container, Engine


class Host:
    """An engine whose one container has these files below /etc/hublab."""

    id = "hub"

    def __init__(self, **files: str) -> None:
        self.files = files

    def read_file(self, container: str, path: str) -> bytes | None:
        text = self.files.get(path.rpartition("/")[2])
        return None if text is None else text.encode()


def put(host: Host, own: OwnConfig) -> dict[str, tuple[bytes, int]]:
    engine = cast(Engine, host)
    return {
        one.name: (one.content, one.mode)
        for one in files_of_hub(engine, cast(Container, host), own)
    }


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "jupyterhub_config.py"
    path.write_text("c.JupyterHub.base_url = '/x'\n")
    (tmp_path / "beside.txt").write_text("words")
    return path


def test_another_configuration_has_nothing_of_the_one_before(config: Path) -> None:
    host = Host(own_variables="OLD\nKEPT", own_secrets="from-before", own_password="old-word")
    found = put(host, OwnConfig(config, variables=Variables({"KEPT": "1", "NEW": ""})))
    assert found["env/OLD"] == (b"", 0o600)  # which s6-envdir takes away
    assert found["env/KEPT"][0] == b"1"
    assert found["env/NEW"][0] == b"\n"  # which is an empty value
    assert found["own_variables"][0] == b"KEPT\nNEW"
    assert found["own_password"][0] == b""
    assert found["own_secrets"][0] == b"from-before"
    assert found["own/beside.txt"][0] == b"words"
    assert found["own_name"][0] == b"jupyterhub_config.py"
    assert found["own_files"][0] == b"./jupyterhub_config.py\n./beside.txt\n"


def test_variables_alone_are_added(config: Path) -> None:
    variables = Variables({"TOKEN": "one\ntwo-secret"}, frozenset({"TOKEN"}))
    found = put(Host(own_variables="OLD"), OwnConfig(variables=variables))
    assert found["env/TOKEN"] == (b"one\0two-secret", 0o600)
    assert found["own_variables"][0] == b"OLD\nTOKEN"
    assert not [name for name in found if name.startswith("own/")]
    assert "own_password" not in found


def test_a_password_is_private_and_no_journal_has_it(config: Path) -> None:
    found = put(Host(), OwnConfig(config, password="open sesame"))
    assert found["own_password"] == (b"open sesame", 0o600)
    assert b"open sesame" in found["own_secrets"][0]


@pytest.mark.parametrize(("kind", "kept"), [("sign-in", "word"), ("replaced", None)])
def test_a_password_that_nobody_reads_is_listed(kind: str, kept: str | None) -> None:
    one: dict[str, Any] = {"trait": "JupyterHub.authenticator_class", "theirs": "x", "ours": None}
    found = [Override(**one, why="", kind=kind)]
    own, listed = without_idle_password(OwnConfig(Path("c.py"), password="word"), found)
    assert own.password == kept
    assert [two.trait for two in listed[1:]] == ([] if kept else ["--password-file"])
