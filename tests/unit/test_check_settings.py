"""What the checks say that run beside the hub's software, where that is installed here."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

ETC = Path(__file__).parents[2] / "compose" / "etc"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it runs in a throw-away container."""
    monkeypatch.syspath_prepend(str(ETC))
    import check_settings  # type: ignore[import-not-found]

    return check_settings  # type: ignore[no-any-return]


@pytest.mark.parametrize("trait", ["spawner_class", "authenticator_class", "proxy_class"])
@pytest.mark.parametrize("value", ["nosuch", "no.such.Thing"])
def test_a_class_that_is_not_there(check: ModuleType, trait: str, value: str) -> None:
    """One reason for one setting, and no traceback."""
    given = {"JupyterHub": {trait: value}, "Spawner": {"http_timeout": "5"}}
    (wrong,) = check.faults(given, check.with_parents(check.hub_classes(given)))
    assert wrong["key"] == f"JupyterHub.{trait}"
    assert value in wrong["reason"]
    assert "\n" not in wrong["reason"]


def test_a_class_that_is_there(check: ModuleType) -> None:
    given = {
        "JupyterHub": {"authenticator_class": "dummy"},
        "DummyAuthenticator": {"password": "x"},
    }
    assert check.faults(given, check.with_parents(check.hub_classes(given))) == []
