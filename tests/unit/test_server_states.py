"""What probes/server_states.py and probes/hooks.py make of the hub's own words."""

from __future__ import annotations

import pytest

from hublab.probes.database import Table
from hublab.probes.hooks import runs_in
from hublab.probes.server_states import parts_in_database, state_of

IDLE = {"pending": None, "ready": False, "stopped": True}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (None, "stopped"),
        (IDLE, "stopped"),
        ({"pending": None, "ready": True, "stopped": False}, "ready"),
        ({"pending": "check", "ready": False, "stopped": False}, "check"),
    ],
)
def test_a_state_has_one_name(model: dict[str, object] | None, name: str) -> None:
    assert str(state_of(model)) == name


@pytest.mark.parametrize("path", ["/user/alice", "/user/alice/work"])
def test_rows_belong_to_one_server(path: str) -> None:
    """The default server's path is the beginning of a named one's, and no more than that."""
    client = "jupyterhub" + path.replace("/", "-")
    rows = {
        "servers": {"base_url": f"{path}/"},
        "api_tokens": {"note": f"Server at {path}/"},
        "oauth_clients": {"identifier": client},
    }
    tables = {name: Table(name, tuple(row), ("id",), (row,)) for name, row in rows.items()}
    for asked in ("/user/alice", "/user/alice/work", "/user/bob"):
        assert set(parts_in_database(tables, asked).values()) == {asked == path}


def test_hooks_are_found_in_a_log() -> None:
    log = '[I app] HOOK {"hook": "x"}\nHOOK {"hook": "a", "user": "u", "server": ""}\nmore\n'
    (run,) = runs_in(log, "a")
    assert (run.user, run.server, run.printed["hook"]) == ("u", "", "a")
    assert runs_in(log, "x") == []
    both = 'HOOK {"hook": "b", "user": "u", "server": ""}\n' + log
    assert [run.hook for run in runs_in(both)] == ["b", "a"]
