"""What is suggested for a name that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from hublab import setting_help
from hublab.cli.reproduce import Reported, unknown_issue
from hublab.errors import SettingError
from hublab.setting_help import describe

KNOWN = (
    "hub.Spawner.http_timeout",
    "hub.SSHSpawner.http_timeout",
    "server.ServerApp.allow_origin",
    "proxy.timeout",
    "sshd.Port",
)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("http_timeout", "hub.Spawner.http_timeout\nhub.SSHSpawner.http_timeout"),
        ("hub.JupyterHub.allow_origin", "server.ServerApp.allow_origin"),
        ("timeout", "proxy.timeout"),
        ("port", "sshd.Port"),
        ("hub.JupyterHub.nosuch", "hub.JupyterHub.near"),
    ],
)
def test_a_setting_by_its_last_name(monkeypatch: pytest.MonkeyPatch, name: str, right: str) -> None:
    def unknown(engine: object, images: object, name: str) -> list[Any]:
        raise SettingError(f"nothing knows {name}", right="hub.JupyterHub.near")

    monkeypatch.setattr(setting_help, "known_as", unknown)
    monkeypatch.setattr(setting_help, "all_settings", lambda engine, images: iter(KNOWN))
    nothing: Any = None
    with pytest.raises(SettingError, match=f"nothing knows {name}") as raised:
        describe(nothing, {}, name)
    assert raised.value.right == right


def test_an_issue_of_two_scenarios_is_named_once() -> None:
    known = [Reported("jupyterhub#361", None, "", "", place) for place in ("a", "b")]
    assert unknown_issue("jupyterhub#1", known).right == "one of jupyterhub#361"
