"""What of an engineer's own configuration holds in a lab, and what is said of the rest."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from traitlets.config import Config

from hublab.deployment.own_config import Override, overrides
from hublab.errors import UsageError

ETC = Path(__file__).parents[2] / "compose" / "etc"
LAB = {"hub": "jhub", "proxy": "front", "nodes": ["w1", "w2"], "users": []}


@pytest.fixture
def hub_config(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it runs on the hub's host."""
    for folder in (ETC, ETC / "hub"):
        monkeypatch.syspath_prepend(str(folder))
    import own_hub_config  # type: ignore[import-not-found]

    return own_hub_config  # type: ignore[no-any-return]


@pytest.fixture
def base(tmp_path: Path, hub_config: ModuleType) -> Config:
    """The base configuration of a lab."""
    for name in ("password", "admin_password"):
        (tmp_path / name).write_text("secret")
    (tmp_path / "lab.json").write_text(json.dumps(LAB))
    config = Config()
    sys.modules.pop("base_config", None)
    import base_config  # type: ignore[import-not-found]

    base_config.apply(config, tmp_path)
    return config


def laid(module: ModuleType, base: Config, folder: Path, text: str) -> dict[str, dict[str, str]]:
    path = folder / "theirs.py"
    path.write_text(text)
    return {one["trait"]: one for one in module.apply(base, path, LAB)}


def test_no_file_changes_nothing(hub_config: ModuleType, base: Config, tmp_path: Path) -> None:
    assert hub_config.apply(base, tmp_path / "none.py", LAB) == []
    assert base.JupyterHub.hub_connect_ip == "jhub"
    assert base.ConfigurableHTTPProxy.api_url == "http://front:8001"


def test_the_users_values_apply_except_those_that_the_lab_sets(
    hub_config: ModuleType, base: Config, tmp_path: Path
) -> None:
    text = (
        "c.JupyterHub.hub_connect_ip = '10.0.0.1'\n"
        "c.JupyterHub.bind_url = 'https://hub.example.org/jhub'\n"
        "c.JupyterHub.authenticator_class = 'dummy'\n"
        "c.JupyterHub.active_server_limit = 3\n"
        "c.DockerSpawner.image = 'x'\n"
        "get_config().Spawner.environment.update({'A': '1'})\n"
    )
    replaced = laid(hub_config, base, tmp_path, text)
    assert sorted(replaced) == [
        "DockerSpawner.image",
        "JupyterHub.bind_url",
        "JupyterHub.hub_connect_ip",
        "JupyterHub.spawner_class",
    ]
    assert replaced["JupyterHub.hub_connect_ip"]["theirs"] == "'10.0.0.1'"
    assert replaced["JupyterHub.hub_connect_ip"]["ours"] == "'jhub'"
    assert replaced["JupyterHub.spawner_class"]["theirs"] is None
    assert base.JupyterHub.authenticator_class == "dummy"
    assert base.JupyterHub.active_server_limit == 3
    assert base.JupyterHub.base_url == "/jhub"
    assert "DockerSpawner" not in base


def test_a_value_equal_to_the_labs_is_not_reported(
    hub_config: ModuleType, base: Config, tmp_path: Path
) -> None:
    text = "c.JupyterHub.spawner_class = 'ssh'\nc.ConfigurableHTTPProxy.should_start = False\n"
    assert list(laid(hub_config, base, tmp_path, text)) == ["JupyterHub.authenticator_class"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("pam", "accounts exist on the nodes"),
        ("nobody.HasThis", "it is not installed in the lab"),
    ],
)
def test_an_authenticator_that_cannot_work_here_is_replaced(
    hub_config: ModuleType, base: Config, tmp_path: Path, value: str, why: str
) -> None:
    replaced = laid(hub_config, base, tmp_path, f"c.JupyterHub.authenticator_class = {value!r}\n")
    assert replaced["JupyterHub.authenticator_class"]["why"].startswith(why)
    assert base.JupyterHub.authenticator_class == "shared-password"


def test_secrets_are_not_shown(hub_config: ModuleType, base: Config, tmp_path: Path) -> None:
    text = (
        "c.JupyterHub.db_url = 'postgresql://hub:s3cret@db/hub'\n"
        "c.ConfigurableHTTPProxy.auth_token = 's3cret'\n"
    )
    replaced = laid(hub_config, base, tmp_path, text)
    assert replaced["JupyterHub.db_url"]["theirs"] == "'postgresql://hub:(hidden)@db/hub'"
    assert "s3cret" not in json.dumps(replaced)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import sys\nc.JupyterHub.x = nothing\n", 2, "NameError: name 'nothing' is not defined"),
        ("if True\n  pass\n", 1, "SyntaxError: expected ':'"),
        ("\n\nopen('/no/such/file')\n", 3, "FileNotFoundError: "),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
    ],
)
def test_a_broken_file_names_its_line(
    hub_config: ModuleType, base: Config, tmp_path: Path, text: str, line: int, reason: str
) -> None:
    import own_config  # type: ignore[import-not-found]

    with pytest.raises(own_config.Broken) as caught:
        laid(hub_config, base, tmp_path, text)
    assert caught.value.line == line
    assert str(caught.value).startswith(reason)


def test_the_result_of_the_container_is_parsed() -> None:
    path = Path("my.py")
    one = {"trait": "A.b", "theirs": "1", "ours": None, "why": "so"}
    assert overrides({"overridden": [one]}, path) == [Override("A.b", "1", None, "so")]
    with pytest.raises(UsageError, match=r"KeyError(.|\n)*where: my\.py:7"):
        overrides({"broken": "KeyError: 'x'", "line": 7}, path)
