"""The hub's REST API: who gets what, and what a method or a body is refused with.

Why it matters: services and scripts on other hosts know the hub by this API alone. They must
tell "not signed in" from "not allowed" from "not there" from "not now" by the status.

Sources:
- JupyterHub documentation, REST API (rest-api.yml); "Starting servers with the JupyterHub API".
- jupyterhub/apihandlers/users.py, hub.py, proxy.py; apihandlers/base.py, `API404`,
  `APIHandler.check_xsrf_cookie` ("we also check xsrf on GETs to API endpoints") and `options`.
- jupyterhub/scopes.py, `needs_scope`: 403 without the scope, 404 "No access to resources or
  resources not found" where the scope is held for other users only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from hublab.scenario import Ask, Credentials, LiveLab, UrlRow, ask, credentials, wrong_rows

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.sabotage("hub.JupyterHub.base_url", "/jh/"),
]

ANYBODY = "apihandlers/hub.py, RootAPIHandler: no authentication"
NOBODY = "scopes.py, needs_scope: 403 without credentials"
SCOPE = "scopes.py, needs_scope: 403 without the scope"
OTHERS = "scopes.py, needs_scope: 404 where the scope is for other users"
SELF = "apihandlers/users.py, SelfAPIHandler"
UNKNOWN = "apihandlers/base.py, API404"
NO_SERVER = "apihandlers/users.py, UserServerAPIHandler: 404, no such server"
MODEL = "apihandlers/users.py, UserServerAPIHandler.get, new in 6.0"
POST = "apihandlers/users.py, UserServerAPIHandler.post"
DELETE = "apihandlers/users.py, UserServerAPIHandler.delete"
PUT = "apihandlers/users.py, UserServerAPIHandler.put: 409 for the default server"
PATCH = "apihandlers/users.py, UserServerAPIHandler.patch"
PROGRESS = "apihandlers/users.py, SpawnProgressAPIHandler.get"
METHOD = "tornado/web.py, RequestHandler._unimplemented_method: 405"
JSON = (("Content-Type", "application/json"),)

CALLS = [
    UrlRow("nobody", "GET /hub/api", "200 json", ANYBODY),
    UrlRow("nobody", "GET /hub/api/", "200 json", ANYBODY),
    UrlRow("nobody", "GET /hub/api/info", "403 json", NOBODY),
    UrlRow("nobody", "GET /hub/api/users", "403 json", NOBODY),
    UrlRow("nobody", "GET /hub/api/user", "403 json", SELF),
    UrlRow("nobody", "GET /hub/api/proxy", "403 json", NOBODY),
    UrlRow("nobody", "GET /hub/api/nosuch", "404 json", UNKNOWN),
    UrlRow("nobody", "GET /hub/api/users/", "404 json", UNKNOWN),
    UrlRow("bob", "GET /hub/api/user", "200 json", SELF),
    UrlRow("bob's token", "GET /hub/api/user", "200 json", SELF),
    UrlRow("bob's token", "GET /hub/api/users", "403 json", SCOPE),
    UrlRow("bob's token", "GET /hub/api/info", "403 json", SCOPE),
    UrlRow("bob's token", "GET /hub/api/proxy", "403 json", SCOPE),
    UrlRow("bob's token", "GET /hub/api/users/bob", "200 json", "rest-api.yml"),
    UrlRow("bob's token", "GET /hub/api/users/alice", "404 json", OTHERS),
    UrlRow("bob's token", "GET /hub/api/users/ghost", "404 json", OTHERS),
    UrlRow("admin", "GET /hub/api/users/ghost", "404 json", "rest-api.yml", xsrf=True),
    UrlRow("admin", "GET /hub/api/proxy", "200 json", "rest-api.yml", xsrf=True),
    UrlRow("bob's token", "GET /hub/api/users/bob/server", "200 json", MODEL),
    UrlRow("bob's token", "GET /hub/api/users/bob/servers/", "200 json", MODEL),
    UrlRow("bob's token", "GET /hub/api/users/bob/servers/nosuch", "404 json", NO_SERVER),
    UrlRow("bob's token", "PUT /hub/api/users/bob/server", "409 json", PUT),
    UrlRow("bob's token", "PATCH /hub/api/users/bob/server", "400 json", PATCH),
    UrlRow("bob's token", "DELETE /hub/api/users/bob/server", "204 empty", DELETE),
    UrlRow("bob's token", "DELETE /hub/api/users/bob/servers/nosuch", "404 json", NO_SERVER),
    UrlRow("bob's token", "POST /hub/api/users/alice/server", "404 json", OTHERS),
    UrlRow("alice's token", "POST /hub/api/users/alice/server", "400 json", POST),
    UrlRow("admin", "POST /hub/api/users/carol/server", "202 empty", POST, JSON, b"{}", True),
    UrlRow("bob's token", "GET /hub/api/users/bob/server/progress", "400 json", PROGRESS),
    UrlRow("alice's token", "GET /hub/api/users/alice/server/progress", "200 stream", PROGRESS),
    UrlRow("dave", "GET /hub/api/users/dave/server/progress", "200 stream", PROGRESS, xsrf=True),
    UrlRow("bob's token", "POST /hub/api/shutdown", "403 json", SCOPE),
    UrlRow("bob's token", "PUT /hub/api/user", "405 json", METHOD),
    UrlRow("bob's token", "POST /hub/api/", "405 json", METHOD),
    UrlRow("bob's token", "HEAD /hub/api/user", "405 empty", METHOD),
    UrlRow("bob's token", "OPTIONS /hub/api/user", "200 empty", "apihandlers/base.py, options"),
]
BOB, GHOST = (f"/hub/api/users/{name}" for name in ("bob", "ghost"))
REFUSED_BODIES = [
    ("PATCH", f"{BOB}/server", b'{"nosuch": 1}', 500, "Internal Server Error"),
    ("POST", f"{BOB}/server", b"[1]", 400, "Body must be a JSON object"),
    ("POST", f"{BOB}/server", b"{", 400, "Invalid JSON in body of request"),
    ("PATCH", f"{BOB}/server", b'{"user_options": 1}', 400, "user_options must be a dict"),
    ("PATCH", f"{BOB}/server", b"{}", 400, "Must specify at least one field to modify."),
    (
        "POST",
        f"{BOB}/tokens",
        b'{"expires_in": "soon"}',
        400,
        "token expires_in must be null or integer, not 'soon'",
    ),
    (
        "PATCH",
        BOB,
        b'{"admin": "yes"}',
        400,
        "user.admin must be <class 'bool'>, not: <class 'str'>",
    ),
    (
        "POST",
        GHOST,
        b'{"groups": "a"}',
        400,
        "user.groups must be <class 'list'>, not: <class 'str'>",
    ),
]
"""Method, path, body, status, message: jupyterhub/apihandlers/base.py and users.py."""


@pytest.mark.matrix("hub.snippet", ["four_states.py"])
async def test_each_call_answers_as_documented(
    lab: LiveLab, four_states: Mapping[str, Credentials]
) -> None:
    """Nobody, a user, another and an admin; alice's server runs, carol's and dave's do not."""
    # Reads first: while a second start is looked at, progress is 500 (test_progress_of_a_poll).
    reads = [row for row in CALLS if row.request.startswith("GET ")]
    wrong = await wrong_rows(lab, reads, four_states)
    wrong += await wrong_rows(lab, [row for row in CALLS if row not in reads], four_states)
    assert not wrong, "\n".join(wrong)


@pytest.mark.finding(
    "PATCH of a server with a field that it does not know is 500 instead of 400",
    project="jupyterhub",
    steps='PATCH /hub/api/users/NAME/server with {"nosuch": 1}.',
    expected="400 'Unexpected fields: …, supported fields: …' (apihandlers/users.py, "
    "UserServerAPIHandler.patch).",
    seen="500: `supported_keys.join(',')` is called on a set.",
)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/unknown_fields_are_400.py",
    sentence="a field that it does not know is 500",
)
async def test_bodies_that_are_refused(lab: LiveLab, people: Mapping[str, Credentials]) -> None:
    """Of servers, tokens and users, POST and PATCH name what is wrong with a body, but for a
    server's field that is not known.
    """
    assert "bob" in people  # else the hub does not know him
    admin = await lab.enter(credentials(lab, "admin", token=True))
    for method, path, body, status, message in REFUSED_BODIES:
        answer = await ask(lab, Ask(path, method, JSON, body), admin)
        told = (answer.status, json.loads(answer.body)["message"])
        assert told == (status, message), (method, path, body)


@pytest.mark.finding(
    "A string in place of the list of new users makes a user of each letter",
    project="jupyterhub",
    steps='POST /hub/api/users with {"usernames": "xy"}, by an admin.',
    expected="400 with what is wrong: 'usernames' is an 'array' of 'string' (rest-api.yml, "
    "POST /users).",
    seen="201, and two users: x and y.",
)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/new_users_are_a_list.py",
    sentence="A string in place of the list",
)
async def test_a_string_in_place_of_a_list(lab: LiveLab) -> None:
    """The answer names who was made."""
    admin = await lab.enter(credentials(lab, "admin", token=True))
    answer = await ask(lab, Ask("/hub/api/users", "POST", JSON, b'{"usernames": "xy"}'), admin)
    try:
        assert answer.status == 201
        assert [user["name"] for user in json.loads(answer.body)] == ["x", "y"]
    finally:
        for name in "xy":
            await ask(lab, Ask(f"/hub/api/users/{name}", "DELETE"), admin)


@pytest.mark.finding(
    "Errors without words of their own say 'None': page '404 : None', JSON 'message': null",
    project="jupyterhub",
    steps="GET /hub/nosuch, and GET /hub/api/nosuch.",
    expected='\'404 : Not Found\' and "message": "Not Found": write_error begins with '
    "`status_message = responses.get(status_code, …)` (handlers/base.py, apihandlers/base.py).",
    seen="'404 : None' and \"message\": null: `status_message = reason or message` replaces it "
    "with None for an HTTPError without reason and message.",
)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/errors_have_words.py", sentence="JSON 'message': null"
)
async def test_an_unknown_url_is_404_without_words(
    lab: LiveLab, people: Mapping[str, Credentials]
) -> None:
    """The page and the JSON of a URL that does not exist."""
    page = await ask(lab, Ask("/hub/nosuch"), people["bob"])
    assert page.status == 404
    assert "404 : None" in page.body.decode()
    call = await ask(lab, Ask("/hub/api/nosuch"), people["bob's token"])
    assert call.body == b'{"status": 404, "message": null}'
