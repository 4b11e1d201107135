"""What is suggested for a name that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from hublab.cli.reproduce import Reported, unknown_issue, with_words
from hublab.errors import SettingError, UsageError
from hublab.settings import help as setting_help
from hublab.settings.help import describe

KNOWN = (
    "hub.Spawner.http_timeout",
    "hub.SSHSpawner.http_timeout",
    "server.ServerApp.allow_origin",
    "proxy.timeout",
    "sshd.Port",
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("http_timeout", "hub.Spawner.http_timeout\nhub.SSHSpawner.http_timeout"),
        ("hub.JupyterHub.allow_origin", "server.ServerApp.allow_origin"),
        ("timeout", "proxy.timeout"),
        ("port", "sshd.Port"),
        ("hub.JupyterHub.nosuch", "hub.JupyterHub.near"),
    ],
)
def test_an_unknown_setting_suggests_those_with_the_same_last_name(
    monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    def unknown(engine: object, images: object, name: str) -> list[Any]:
        raise SettingError(f"nothing knows {name}", hint="hub.JupyterHub.near")

    monkeypatch.setattr(setting_help, "describe_exactly", unknown)
    monkeypatch.setattr(setting_help, "all_settings", lambda engine, images: iter(KNOWN))
    nothing: Any = None
    with pytest.raises(SettingError, match=f"nothing knows {name}") as raised:
        describe(nothing, {}, name)
    assert raised.value.hint == hint


def test_an_issue_of_two_scenarios_is_named_once() -> None:
    known = [Reported("jupyterhub#361", None, "", "", place) for place in ("a", "b")]
    hint = unknown_issue("361", known).hint
    assert hint == "jupyterhub#361; `hublab reproduce` lists them"


ISSUES = ("jupyterhub#2000", "jupyterhub#819", "batchspawner#102", "NERSC/sshspawner#45")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2000", "jupyterhub#2000"),
        ("#2000", "jupyterhub#2000"),
        ("jupyterhub 2000", "jupyterhub#2000"),
        ("jupiterhub#2000", "jupyterhub#2000"),
        ("jupyterhub/jupyterhub#2000", "jupyterhub#2000"),
        ("https://github.com/jupyterhub/jupyterhub/issues/2000", "jupyterhub#2000"),
        ("https://github.com/NERSC/sshspawner/issues/45", "NERSC/sshspawner#45"),
        ("sshspawner#45", "NERSC/sshspawner#45"),
        ("jupyterhub#20000", "jupyterhub#2000"),
        ("jupyterhub#891", "jupyterhub#819"),
        ("nersc/sshspawner#54", "NERSC/sshspawner#45"),
        ("jupyterhub#99999", ""),
        ("jupyterhub#2001", ""),
        ("jupyterhub/oauthenticator#2000", ""),
        ("jupyterhub", ""),
        ("", ""),
    ],
)
def test_an_issue_that_was_surely_meant(typed: str, meant: str) -> None:
    """Numbers that only look alike are of other issues, so those are not named."""
    known = [Reported(issue, None, "", "", "a") for issue in ISSUES]
    hint = unknown_issue(typed, known).hint
    listed = "`hublab reproduce` lists them"
    assert hint == (f"{meant}; {listed}" if meant else listed)


SYMPTOMS = [
    Reported("jupyterhub#2000", True, "routes --check", "A restarted proxy is empty", "a", "404"),
    Reported(
        "batchspawner#102", False, "a range", "Servers share the ports", "b", "A proxy restart"
    ),
    Reported("jupyterhub#819", None, "", "A 404 that helps nobody", "c", "no host"),
]


@pytest.mark.parametrize(
    ("grep", "issues"),
    [
        ("PROXY restart", ["jupyterhub#2000", "batchspawner#102"]),
        ("404", ["jupyterhub#819", "jupyterhub#2000"]),
        ("--check", ["jupyterhub#2000"]),
        ("batchspawner", ["batchspawner#102"]),
    ],
)
def test_issues_are_found_by_symptom(grep: str, issues: list[str]) -> None:
    """In any capitalisation and order of words; those that name it in the title come first."""
    assert [one.issue for one in with_words(SYMPTOMS, grep)] == issues


@pytest.mark.parametrize("grep", ["no such words", "", "404 ports"])
def test_a_symptom_that_no_issue_has(grep: str) -> None:
    with pytest.raises(UsageError, match="--grep"):
        with_words(SYMPTOMS, grep)
