"""What `hublab routes` advises, so that the two tables agree again."""

from __future__ import annotations

import pytest

from hublab.cli.routes import advice, differing, report_repaired
from hublab.diagnosis.routes import AGREE, DIFFERS, ONLY_HUB, ONLY_PROXY, RoutePair

HUB = RoutePair("/", None, "http://hub:8081", ONLY_HUB)
ALIEN = RoutePair("/x/", "http://elsewhere", None, ONLY_PROXY)
MOVED = RoutePair("/user/alice/", "http://node1:1", "http://node1:2", DIFFERS)


def test_a_hub_route_advises_a_check() -> None:
    """By a command that reaches it: a request goes through the proxy, which has no route."""
    said = advice([HUB], " --name second", checked=False)
    assert said is not None
    assert "`hublab routes --check --name second`" in said
    assert "JupyterHub.last_activity_interval" in said


def test_after_a_check_the_rest_is_not_the_hubs() -> None:
    said = advice([ALIEN], "", checked=True)
    assert said is not None
    assert "the hub only removes routes that it has added" in said
    assert advice([ALIEN, MOVED], "", checked=True) is None


def test_the_repaired_routes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    same = RoutePair("/y/", "http://y", "http://y", AGREE)
    assert differing([same, HUB, ALIEN]) == [HUB, ALIEN]
    report_repaired([HUB, ALIEN], [ALIEN])
    report_repaired([ALIEN], [ALIEN])
    assert capsys.readouterr().err.splitlines() == [
        "the hub checked its routes; repaired: / (only hub)",
        "the hub checked its routes; repaired: none",
    ]
