"""What `set` and `unset` say of a proxy that they restarted."""

from __future__ import annotations

import json

import pytest

from hublab.cli.set import Switched, tell
from hublab.running.switching import Restart
from hublab.settings.values import Settings

PROXY = Restart("proxy", "proxy", "proxy. settings", 0.4)
HUB = Restart("hub", "hub", "hub. settings", 2.0)


def test_that_the_routes_were_given_again_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Else a restart of the proxy looks harmless, which it is not (jupyterhub#2000)."""
    tell(Switched([PROXY], [], routes_back=True), Settings(), as_json=False)
    assert "had lost its routes; the hub gave them again" in capsys.readouterr().out


@pytest.mark.parametrize("back", [False, None])
def test_only_where_it_was_so(capsys: pytest.CaptureFixture[str], back: bool | None) -> None:
    tell(Switched([PROXY if back is False else HUB], [], back), Settings(), as_json=False)
    assert "routes" not in capsys.readouterr().out


@pytest.mark.parametrize("back", [True, False, None])
def test_as_data(capsys: pytest.CaptureFixture[str], back: bool | None) -> None:
    tell(Switched([PROXY], ["alice/"], back), Settings(), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["routes_given_back"], said["stale"]) == (back, ["alice/"])
