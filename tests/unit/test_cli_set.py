"""What `set` and `unset` report of a proxy that they restarted."""

from __future__ import annotations

import json

import pytest

from hublab.cli.set import Changed, report
from hublab.running.switching import Restart
from hublab.settings.values import Settings

PROXY = Restart("proxy", "proxy", "proxy. settings", 0.4)
HUB = Restart("hub", "hub", "hub. settings", 2.0)


def test_the_returned_routes_of_a_proxy_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Else a restart of the proxy looks harmless, which it is not (jupyterhub#2000)."""
    report(Changed([PROXY], [], routes_back=True), Settings(), as_json=False)
    assert "had lost its routes; the hub added them again" in capsys.readouterr().out


@pytest.mark.parametrize("back", [False, None])
def test_other_routes_are_not_reported(
    capsys: pytest.CaptureFixture[str], back: bool | None
) -> None:
    report(Changed([PROXY if back is False else HUB], [], back), Settings(), as_json=False)
    assert "routes" not in capsys.readouterr().out


@pytest.mark.parametrize("back", [True, False, None])
def test_as_data(capsys: pytest.CaptureFixture[str], back: bool | None) -> None:
    report(Changed([PROXY], ["alice/"], back), Settings(), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["routes_given_back"], said["stale"]) == (back, ["alice/"])


@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_that_was_set_is_not_printed(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    given = Settings({"hub.GenericOAuthenticator.client_secret": "canary-4711"})
    report(Changed([], [], None), given, as_json=as_json)
    said = capsys.readouterr().out
    assert "client_secret" in said
    assert "canary" not in said
