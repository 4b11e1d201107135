"""The lines of `events` for people, and which are of hublab's own questions."""

from __future__ import annotations

from typing import Any

import pytest

from hublab.cli.event_words import in_words, is_poll
from hublab.probes.event_lines import route_lines, server_lines

AT = "2026-01-02T03:04:05.678901Z"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"source": "log", "host": "hub", "line": "a b"}, "03:04:05.678 hub    | a b"),
        (
            {"source": "container", "host": "node1", "event": "die", "exit_code": 137},
            "03:04:05.678 node1  * container: die, exit code 137",
        ),
        (
            {"source": "proxy", "host": "proxy", "event": "silent", "reason": "refused"},
            "03:04:05.678 proxy  * silent: refused",
        ),
    ],
)
def test_a_line(line: dict[str, Any], expected: str) -> None:
    assert in_words({"at": AT, **line}, 6) == expected


def test_routes_and_servers() -> None:
    lines = [
        *route_lines({}, {"/user/bob": "http://n:1"}),
        *route_lines({"/user/bob": "http://n:1"}, {}),
        *server_lines({"bob/": "spawn"}, {"bob/": "ready"}),
        *server_lines({"bob/x": "ready"}, {}),
    ]
    assert [in_words(line, 6)[13:] for line in lines] == [
        "route  * /user/bob leads to http://n:1 now",
        "route  * /user/bob leads to http://n:1 no more",
        "server * bob's server: ready, before spawn",
        "server * bob/x's server: gone, before ready",
    ]


@pytest.mark.parametrize(
    ("role", "text", "poll"),
    [
        ("hub", "[I …] 200 GET /hub/api/users (hublab@198.18.0.5) 5.72ms", True),
        ("hub", "[I …] 200 GET /hub/api/users/bob (hublab@198.18.0.5) 5.72ms", True),
        ("hub", "[I …] 201 POST /hub/api/users/bob/server (hublab@198.18.0.5) 9ms", False),
        ("hub", "[I …] 200 GET /hub/api/user (alice@198.18.0.5) 5.72ms", False),
        ("proxy", "12:00:00.000 [ConfigProxy] info: 200 GET /api/routes ", True),
        ("client", "connect_to proxy port 8001: failed.", True),
        ("node", "connect_to proxy port 8001: failed.", False),
    ],
)
def test_a_poll(role: str, text: str, poll: bool) -> None:
    assert is_poll({"source": "log", "line": text}, (role,)) is poll
