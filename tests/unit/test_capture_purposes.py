"""What a captured request is for, by its method, its path, and the roles of its two ends.

The requests are those of the documentation or code that the rows of the table name.
"""

from __future__ import annotations

import pytest

from hublab.capture.purposes import TABLE, purpose_of

NOBODY: tuple[str, ...] = ()
HUB, NODE, PROXY, CLIENT = ("hub",), ("node",), ("proxy",), ("client",)


@pytest.mark.parametrize(
    ("method", "path", "by", "to", "expected"),
    [
        ("POST", "/hub/api/users/alice/server", CLIENT, PROXY, "spawn"),
        ("POST", "/hub/api/users/alice/servers/big", PROXY, HUB, "spawn"),
        ("POST", "/base/hub/api/users/a%40b.org/servers/", PROXY, HUB, "spawn"),
        ("POST", "/hub/spawn/alice?next=%2Fhub%2Fhome", CLIENT, PROXY, "spawn"),
        ("GET", "/hub/spawn", CLIENT, PROXY, "page"),
        ("DELETE", "/hub/api/users/alice/server", CLIENT, HUB, "stop"),
        ("GET", "/hub/api/users/alice/server/progress", CLIENT, HUB, "poll"),
        ("GET", "/user/alice/api", HUB, NODE, "poll"),
        ("GET", "/user/alice/big/api", HUB, NODE, "poll"),
        ("GET", "/user/alice/api", PROXY, NODE, "api"),
        ("GET", "/hub/api", NODE, HUB, "version"),
        ("GET", "/hub/api", CLIENT, HUB, "api"),
        ("POST", "/hub/api/users/alice/activity", NODE, HUB, "activity"),
        ("POST", "/api/routes/user/alice", HUB, PROXY, "route"),
        ("DELETE", "/api/routes/user/alice", ("hub", "proxy"), ("hub", "proxy"), "route"),
        ("GET", "/api/routes", HUB, PROXY, "routes"),
        ("GET", "/api/routes?inactive_since=x", HUB, PROXY, "routes"),
        ("GET", "/hub/api/oauth2/authorize?client_id=x", CLIENT, PROXY, "authorize"),
        ("GET", "/user/alice/oauth_callback?code=x", PROXY, NODE, "callback"),
        ("POST", "/hub/api/oauth2/token", NODE, HUB, "token"),
        ("GET", "/hub/api/user", NODE, HUB, "identify"),
        ("GET", "/hub/api/users/alice", CLIENT, HUB, "api"),
        ("POST", "/hub/login", CLIENT, PROXY, "login"),
        ("GET", "/hub/health", CLIENT, PROXY, "health"),
        ("GET", "/user/alice/api/kernels/1/channels", PROXY, NODE, "kernel"),
        ("GET", "/user/alice/big/api/sessions", PROXY, NODE, "kernel"),
        ("GET", "/user/alice/terminals/websocket/1", PROXY, NODE, "kernel"),
        ("GET", "/user/alice/api/contents", PROXY, NODE, "api"),
        ("GET", "/user/alice/static/lab/main.js?v=1", PROXY, NODE, "static"),
        ("GET", "/hub/static/css/style.min.css", PROXY, HUB, "static"),
        ("GET", "/user/alice/lab", PROXY, NODE, "page"),
        ("GET", "/hub/user/alice/", PROXY, HUB, "page"),
        ("GET", "/", CLIENT, PROXY, "page"),
        ("GET", "/something/else", NOBODY, NOBODY, ""),
        ("GET", "/hub/api/users/alice/activity", NODE, HUB, "api"),
    ],
)
def test_the_first_row_that_fits_says_what_a_request_is_for(
    method: str, path: str, by: tuple[str, ...], to: tuple[str, ...], expected: str
) -> None:
    assert purpose_of(method, path, by, to) == expected


def test_every_row_names_its_source() -> None:
    assert [row for row in TABLE if len(row.source) < 8] == []
