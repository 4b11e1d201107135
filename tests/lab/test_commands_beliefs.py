"""Routes, activity, the database and the stream of events, of a lab in which things happen."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from lifecycle import HUBLAB, Running, hublab, lab_for_a_test, wait

from hublab.engine import Engine
from hublab.running import programs
from hublab.running.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    with lab_for_a_test() as name:
        assert hublab("spawn", "alice", "--on", "node1", "--name", name).returncode == 0
        yield name


def data(lab: str, *argv: str, code: int = 0) -> Any:
    verb, *rest = argv
    done = hublab(verb, "--json", "--name", lab, *rest)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def restart_proxy(lab: str) -> None:
    """As a crash and its service manager would: an empty table, and nobody tells the hub.

    Returns once the two tables are seen to differ.
    """
    found = Lab.find(lab, Engine.connect())
    programs.kill_if_up(found, "proxy")
    programs.start(found, "proxy")
    wait(
        lambda: hublab("routes", "--name", lab).returncode == 1,
        20,
        lambda: hublab("routes", "--name", lab).stderr,
    )


def marks(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["spec"]: row["mark"] for row in rows}


def test_both_tables_agree(lab: str) -> None:
    rows = data(lab, "routes")
    assert marks(rows) == {"/": "agree", "/user/alice/": "agree"}
    assert all(row["proxy"] == row["hub"] for row in rows)


def test_a_proxy_that_was_restarted_has_lost_its_routes(lab: str) -> None:
    """Nothing repairs them at once (jupyterhub#2000); the hub's next check does."""
    restart_proxy(lab)
    done = hublab("routes", "--name", lab)
    assert "/user/alice/ (only hub)" in done.stderr
    assert f"hint: `hublab routes --check --name {lab}`" in done.stderr
    hops = {hop["to"]: hop for hop in data(lab, "reach", code=1) if not hop["ok"]}
    assert set(hops) == {"hub", "alice's server"}
    assert {hop["setting"] for hop in hops.values()} == {"hub.JupyterHub.last_activity_interval"}
    assert all("routes --check" in hop["workaround"] for hop in hops.values())
    # `unset --all` restarts no proxy; a proxy setting does, and then the routes are asked back.
    done = hublab("set", "proxy.log-level=debug", "--name", lab)
    assert done.returncode == 0, done.stderr
    assert "restarted proxy" in done.stdout
    assert "the hub added them again (POST /hub/api/proxy)" in done.stdout
    assert marks(data(lab, "routes")) == {"/": "agree", "/user/alice/": "agree"}
    assert data(lab, "set", "proxy.log-level=info")["routes_given_back"] is True
    assert data(lab, "set", "hub.JupyterHub.shutdown_on_logout=true")["routes_given_back"] is None
    assert data(lab, "unset", "--all")["routes_given_back"] is True


def test_the_hub_can_be_made_to_check_its_routes(lab: str) -> None:
    """Past the proxy, through which nothing gets; what lacks the hub's mark stays."""
    restart_proxy(lab)
    done = hublab("routes", "--check", "--json", "--name", lab)
    assert done.returncode == 0, done.stderr
    assert marks(json.loads(done.stdout)) == {"/": "agree", "/user/alice/": "agree"}
    assert "repaired: / (only hub), /user/alice/ (only hub)" in done.stderr
    again = hublab("routes", "--check", "--name", lab)
    assert (again.returncode, "repaired: none" in again.stderr) == (0, True)


def test_looking_at_activity_is_no_activity(lab: str) -> None:
    first, second = (data(lab, "activity", "alice") for _ in range(2))
    for before, after in zip(first, second, strict=True):
        for side in ("server", "proxy", "hub"):
            old, new = before[side], after[side]
            assert (old and old["at"]) == (new and new["at"]), side
            assert not old or old["age"] is None or old["age"] <= new["age"]
    (user, server) = second
    assert user["name"] is None
    assert server["server"]["at"]
    assert server["kernels"] == 0


def test_a_request_is_activity_for_the_proxy_alone(lab: str) -> None:
    """`/api/status` does not count for the server, but whatever passes the proxy does for it."""
    before = data(lab, "activity", "alice")[1]
    argv = ("/user/alice/api/status", "--as", "alice", "--token")
    assert hublab("request", *argv, "--name", lab).returncode == 0
    after = data(lab, "activity", "alice")[1]
    assert after["server"]["at"] == before["server"]["at"]
    assert not before["proxy"] or after["proxy"]["at"] > before["proxy"]["at"]


def test_what_a_spawn_changes_in_the_database(lab: str) -> None:
    changes = data(lab, "db", "--diff", "--", *HUBLAB, "spawn", "bob", "--name", lab)
    added = {change["table"] for change in changes if change["change"] == "added"}
    assert {"users", "servers", "spawners", "oauth_clients", "api_tokens"} <= added


def test_secrets_of_the_database_stay_there(lab: str) -> None:
    (row, *_) = data(lab, "db", "users")["rows"]
    assert row["cookie_id"].startswith("[redacted ")
    for token in data(lab, "db", "api_tokens")["rows"]:
        assert token["hashed"].startswith("[redacted ")
    assert {"users", "spawners"} <= {table["table"] for table in data(lab, "db")}


def test_the_commands_exit_code_is_ours(lab: str) -> None:
    done = hublab("db", "--name", lab, "--json", "--diff", "--", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, json.loads(done.stdout)) == (3, [])
    assert "out" in done.stderr


def test_wrong_names_have_near_ones(lab: str) -> None:
    done = hublab("db", "user", "--name", lab)
    assert (done.returncode, done.stdout) == (64, "")
    assert "hint: users" in done.stderr
    done = hublab("activity", "alise", "--name", lab)
    assert (done.returncode, done.stdout) == (64, "")
    assert "the hub knows no user alise" in done.stderr


def test_everything_that_happens_is_told_until_ctrl_c(lab: str) -> None:
    watching = Running(*HUBLAB, "events", "--json", "--name", lab)
    watching.wait_for("watching lab")
    assert hublab("spawn", "carol", "--on", "node2", "--name", lab).returncode == 0
    watching.wait_for('"source": "route", "event": "added", "path": "/user/carol"')
    watching.wait_for('"source": "server", "event": "ready", "user": "carol"')
    engine = Engine.connect()
    hub = Lab.find(lab, engine).one("hub").id
    engine.pause(hub)
    try:
        watching.wait_for('"source": "hub", "event": "silent"')
        refused = hublab("activity", "--name", lab)
        assert refused.returncode != 0
        assert "paused" in refused.stderr
    finally:
        engine.unpause(hub)
    watching.wait_for('"source": "hub", "event": "answers"')
    assert watching.end(signal.SIGINT) == 0
    lines = [json.loads(line) for line in watching.said.splitlines() if line.startswith("{")]
    assert {"container", "log", "route", "server", "hub"} <= {line["source"] for line in lines}
    ours = [line for line in lines if "GET /hub/api/users (hublab" in line.get("line", "")]
    assert not ours, "what the stream itself asks is left out"
    assert [line["event"] for line in lines if line["source"] == "container"] == [
        "pause",
        "unpause",
    ]


def test_the_stream_ends_after_its_time(lab: str) -> None:
    done = hublab("events", "--for", "500ms", "--no-logs", "--json", "--name", lab)
    assert (done.returncode, done.stdout) == (0, "")
