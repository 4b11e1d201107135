"""What of the environment a lab can have."""

from __future__ import annotations

import pytest

from hublab.deployment.variables import check_environment
from hublab.errors import UsageError


@pytest.mark.parametrize("name", ["alice,bob", "Ünï", "Alice", "-x", "a@b", "root", "touch;"])
def test_an_impossible_user_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """useradd refuses it on the node, where nobody sees it; or the hub never has such a user."""
    monkeypatch.setenv("HUBLAB_USERS", f"alice {name} bob")
    with pytest.raises(UsageError, match="cannot be a user of the nodes") as raised:
        check_environment()
    assert repr(name) in raised.value.message
    assert raised.value.where == "HUBLAB_USERS"


@pytest.mark.parametrize("names", ["", "alice", " alice  bob ", "first.last", "a_b-1"])
def test_possible_user_names_are_accepted(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBLAB_USERS", names)
    check_environment()
