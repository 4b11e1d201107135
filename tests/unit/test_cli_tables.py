"""Rows that came, went and changed; routes that agree or do not; ages; keys of the software."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hublab.cli.db import check_options
from hublab.diagnosis.routes import compare, mark
from hublab.engine.streams import container_event, log_lines
from hublab.errors import UsageError
from hublab.probes.activity import moment
from hublab.probes.database import Table, difference
from hublab.probes.event_lines import route_lines, server_lines
from hublab.probes.route_beliefs import RouteTables, base_of, service_routes
from hublab.probes.routes import same_path
from hublab.running.sidecar_http import failure_of
from hublab.settings.destination import destination
from hublab.settings.help import parse_options


def table(*rows: tuple[int, str]) -> dict[str, Table]:
    made = tuple({"id": key, "name": name} for key, name in rows)
    return {"users": Table("users", ("id", "name"), ("id",), made)}


def test_rows_added_removed_and_changed() -> None:
    changes = difference(table((1, "a"), (2, "b")), table((2, "c"), (3, "d")))
    assert [(c.what, c.row["id"]) for c in changes] == [
        ("removed", 1),
        ("added", 3),
        ("changed", 2),
    ]
    assert changes[2].fields == {"name": ("b", "c")}
    assert not difference(table((1, "a")), table((1, "a")))


def test_a_table_that_came_with_an_upgrade() -> None:
    assert [c.what for c in difference({}, table((1, "a")))] == ["added"]


def test_diff_wants_one_thing_to_wait_for() -> None:
    check_options(True, 3.0, None)
    check_options(True, None, ["true"])
    for diff, seconds, action in (
        (True, None, None),
        (True, 3.0, ["true"]),
        (True, None, []),
        (False, 3.0, None),
        (False, None, ["true"]),
        (True, None, ["no-such-command-here"]),
    ):
        with pytest.raises(UsageError):
            check_options(diff, seconds, action)


def spelled_alike(routes: dict[str, str]) -> dict[str, str]:
    return {same_path(path): target for path, target in routes.items()}


def test_both_tables_side_by_side() -> None:
    proxy = {
        "/": "http://hub:8081",
        "/user/alice": "http://n1:1",
        "/user/ü": "http://n1:2",
        "/other": "http://x:9",
    }
    belief = {
        "/": "http://hub:8081/",
        "/user/alice/": "http://n2:1",
        "/user/%C3%BC/": "http://n1:2",
        "/user/bob/": "http://n1:3",
    }
    tables = RouteTables(spelled_alike(proxy), spelled_alike(belief))
    marks = {row.spec: row.mark for row in compare(tables)}
    assert marks == {
        "/": "agree",
        "/other/": "only proxy",
        "/user/alice/": "differs",
        "/user/bob/": "only hub",
        "/user/ü/": "agree",
    }
    assert mark(None, "x") == "only hub"


def test_without_the_hub_nothing_is_known_of_a_route() -> None:
    (row,) = compare(RouteTables({"/": "http://hub:8081"}, None, "the hub does not listen"))
    assert (row.proxy, row.hub, row.mark) == ("http://hub:8081", None, "unknown")


def test_the_base_is_what_stands_before_hub() -> None:
    assert base_of("http://hub:8081/hub/") == "/"
    assert base_of("http://hub:8081/base/hub/") == "/base/"


def test_a_service_stands_below_its_own_host_where_it_has_one() -> None:
    """Only those with an address have a route; a server of a user is none of them."""
    services = (
        {"id": 1, "name": "peek", "_server_id": None},
        {"id": 2, "name": "web", "_server_id": 7},
    )
    columns = ("id", "proto", "ip", "port", "base_url")
    places = (
        (7, "http", "127.0.0.1", 10101, "/b/services/web/"),
        (8, "http", "n1", 5, "/b/user/a/"),
    )
    tables = {
        "services": Table("services", ("id", "name", "_server_id"), ("id",), services),
        "servers": Table(
            "servers",
            columns,
            ("id",),
            tuple(dict(zip(columns, one, strict=True)) for one in places),
        ),
    }
    target = "http://127.0.0.1:10101"
    assert service_routes(tables, {}) == {"/b/services/web/": target}
    hosts = {"web": "web--service.hub.lab", "peek": "peek--service.hub.lab"}
    assert service_routes(tables, hosts) == {"/web--service.hub.lab/b/services/web/": target}
    assert service_routes({}, hosts) == {}


def test_ages_are_of_one_clock_and_naive_times_are_utc() -> None:
    now = datetime(2026, 1, 1, 12, 0, 10, tzinfo=UTC)
    assert moment("2026-01-01T12:00:00Z", now).age == 10.0
    assert moment("2026-01-01 12:00:00", now).age == 10.0
    assert moment(None, now).at is None


def test_what_changed_between_two_looks() -> None:
    lines = route_lines({"/a": "x", "/b": "y"}, {"/b": "z", "/c": "w"})
    assert [(one["event"], one["path"]) for one in lines] == [
        ("removed", "/a"),
        ("changed", "/b"),
        ("added", "/c"),
    ]
    (line,) = server_lines({"alice/": "spawn"}, {"alice/": "ready"})
    assert (line["event"], line["user"], line["before"]) == ("ready", "alice", "spawn")


def test_only_the_life_of_hosts_is_told() -> None:
    attributes = {"com.docker.compose.service": "hub", "exitCode": "137"}
    raw = {"Action": "die", "timeNano": 5e9, "Actor": {"ID": "x", "Attributes": attributes}}
    event = container_event(raw)
    assert event
    assert (event.host, event.action, event.exit_code, event.at) == ("hub", "die", 137, 5.0)
    assert container_event({**raw, "Action": "exec_start: sh"}) is None
    sidecar = {**attributes, "hublab.sidecar": "hub"}
    assert container_event({**raw, "Actor": {"ID": "x", "Attributes": sidecar}}) is None


def test_log_lines_lose_their_colours() -> None:
    piece = b"2026-01-01T00:00:00Z \x1b[32minfo\x1b[39m: a\n2026-01-01T00:00:01Z b\n"
    assert [text for _, text in log_lines(piece)] == ["info: a", "b"]


def test_options_of_a_help_text() -> None:
    text = (
        "Options:\n"
        "  -V, --version          output the version number\n"
        "  --api-ip <ip>          Inward-facing IP for API requests (default:\n"
        '                         "localhost")\n'
        "  --no-x-forward         Do not add\n"
    )
    first, second = parse_options(text)
    assert (first.key, first.takes) == ("proxy.api-ip", "<ip>")
    assert first.help == 'Inward-facing IP for API requests (default: "localhost")'
    assert (second.key, second.takes) == ("proxy.no-x-forward", "true")


def test_each_setting_has_a_file_and_a_restart() -> None:
    assert destination("hub.snippet").file == "/etc/hublab/snippet.py"
    assert destination("server.ServerApp.x").role == "node"
    assert "nothing restarts" in destination("server.ServerApp.x").restarts


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("curl: (22) The requested URL returned error: 500", "HTTP status 500"),
        (
            "curl: (7) Failed to connect to 127.0.0.1 port 8001 after 0 ms: Could not connect",
            "Failed to connect to 127.0.0.1 port 8001: Could not connect",
        ),
        (
            "curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received",
            "Operation timed out with 0 bytes received",
        ),
    ],
)
def test_no_answer_is_told_without_curls_numbers(last: str, words: str) -> None:
    assert failure_of(f"{last}\n") == words
    assert failure_of("") == "it says nothing"
