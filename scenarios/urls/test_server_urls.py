"""A server's URL says what state the server is in; a call for its API gets the answer in JSON.

Why it matters: with servers on other hosts "my server is gone" has many causes, and the first
thing that anybody has is a URL and a status. An open tab, a script, a load balancer and an admin
each get another answer for the same URL, and each state of the server another one still.

Sources:
- JupyterHub documentation, "JupyterHub URL scheme" (reference/urls.md): `/user/:username`,
  `/hub/user/:username`, "Special handling of API requests", `/hub/spawn-pending`.
- jupyterhub/handlers/base.py, `PrefixRedirectHandler` and `UserUrlHandler`; app.py,
  `init_handlers`; handlers/pages.py, `SpawnPendingHandler`.
- jupyterhub/services/auth.py, `HubOAuthenticated`: what a running server does by itself.
- JupyterHub documentation, `use_legacy_stopped_server_status_code`: "Return 503 rather than 424".
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hublab.scenario import Ask, Case, Credentials, LiveLab, UrlRow, ask, wrong_rows

LEGACY = "hub.JupyterHub.use_legacy_stopped_server_status_code"

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["four_states.py"]),
]

SLASH = "app.py, init_handlers: AddSlashHandler at /user/:name"
LOGIN = "urls.md: all authenticated handlers redirect to /hub/login"
PAGE = "UserUrlHandler.get: not active, a page that offers to start the server"
CALL = "urls.md, Special handling of API requests; UserUrlHandler.get: 'api' in the path"
ACCEPT = "UserUrlHandler.get: Accept prefers application/json"
FOREIGN = "UserUrlHandler.get: 404 without access:servers"
NO_USER = "UserUrlHandler.get: 404, no such user"
PENDING = "urls.md, /hub/user: pending, redirected to /hub/spawn-pending"
FAILED = "SpawnPendingHandler.get: the last spawn's failure, with its status"
NOT_PENDING = "urls.md, /hub/spawn-pending: a page with a link; no side effects"
THERE = "urls.md, /hub/spawn-pending: redirected to the running server"
DANCE = "services/auth.py, HubOAuth: a running server sends to the hub's OAuth itself"
CONFIRM = "apihandlers/auth.py, needs_oauth_confirm: another's server asks for consent"
REFUSED = "apihandlers/auth.py, OAuthAuthorizeHandler.get: 403 without access to the server"
OWN = "services/auth.py, HubAuth.user_for_token: a token of the owner"
UNKNOWN = "services/auth.py, HubAuthenticated: an API call is not sent to a form, but refused"
DEFAULT = "jupyter_server/serverapp.py, init_handlers: the base URL leads to default_url"
JSON = (("Accept", "application/json"),)
BACK = "302 /user/alice/oauth_callback > 302 /user/alice/lab > 200 html"

# Who asks, for what, what comes of it, where that is written. bob's server never was.
STOPPED = [
    UrlRow("nobody", "GET /user/bob", "301 /user/bob/ > hub > login", SLASH),
    UrlRow("nobody", "GET /user/bob/", "hub > login", LOGIN),
    UrlRow("nobody", "GET /user/bob/lab", "hub > login", LOGIN),
    UrlRow("nobody", "GET /user/bob/api/status", "hub > login", LOGIN),
    UrlRow("bob", "GET /user/bob", "301 /user/bob/ > hub > STOPPED html", SLASH),
    UrlRow("bob", "GET /user/bob/", "hub > STOPPED html", PAGE),
    UrlRow("bob", "GET /user/bob/lab/tree/a.ipynb", "hub > STOPPED html", PAGE),
    UrlRow("bob", "GET /user/bob/api/status", "hub > STOPPED json", CALL),
    UrlRow("bob", "GET /user/bob/files/api/x", "hub > STOPPED json", CALL),
    UrlRow("bob", "GET /user/bob/lab", "hub > STOPPED json", ACCEPT, JSON),
    UrlRow("bob's token", "GET /user/bob/api/status", "hub > STOPPED json", CALL),
    UrlRow("alice", "GET /user/bob/", "hub > 404 html", FOREIGN),
    UrlRow("alice", "GET /user/bob/api/status", "hub > 404 html", FOREIGN),
    UrlRow("alice's token", "GET /user/bob/api/status", "hub > 404 html", FOREIGN),
    UrlRow("alice", "GET /user/ghost/", "hub > 404 html", FOREIGN),
    UrlRow("admin", "GET /user/bob/", "hub > STOPPED html", PAGE),
    UrlRow("admin", "GET /user/bob/api/status", "hub > STOPPED json", CALL),
    UrlRow("admin", "GET /user/ghost/", "hub > 404 html", NO_USER),
    UrlRow("bob", "GET /hub/spawn-pending/bob", "200 html", NOT_PENDING),
]
PENDING_OR_FAILED = [
    UrlRow("nobody", "GET /user/carol/", "hub > login", LOGIN),
    UrlRow("carol", "GET /user/carol/lab", "hub > progress > 200 html", PENDING),
    UrlRow("carol", "GET /user/carol/api/status", "hub > STOPPED json", CALL),
    UrlRow("admin", "GET /user/carol/", "hub > progress > 200 html", PENDING),
    UrlRow("alice", "GET /user/carol/", "hub > 404 html", FOREIGN),
    UrlRow("alice", "GET /hub/spawn-pending/carol", "404 html", FOREIGN),
    UrlRow("carol", "GET /hub/", "302 /user/carol/ > hub > progress > 200 html", PENDING),
    UrlRow("carol", "GET /hub/spawn", "302 /hub/spawn-pending/carol > 200 html", PENDING),
    UrlRow("nobody", "GET /user/dave/", "hub > login", LOGIN),
    UrlRow("dave", "GET /user/dave/", "hub > progress > 500 html", FAILED),
    UrlRow("dave", "GET /user/dave/api/status", "hub > STOPPED json", CALL),
    UrlRow("admin", "GET /user/dave/", "hub > progress > 500 html", FAILED),
    UrlRow("alice", "GET /user/dave/", "hub > 404 html", FOREIGN),
]
READY = [
    UrlRow("nobody", "GET /user/alice/", "302 /user/alice/lab > oauth > login", DANCE),
    UrlRow("nobody", "GET /user/alice/api/status", "403 json", UNKNOWN),
    UrlRow("alice", "GET /user/alice/api/status", "403 json", UNKNOWN),
    UrlRow("alice", "GET /user/alice/lab", f"oauth > {BACK}", DANCE),
    UrlRow("alice's token", "GET /user/alice/api/status", "200 json", OWN),
    UrlRow("alice's token", "GET /user/alice", "302 /user/alice/lab > 200 html", DEFAULT),
    UrlRow("bob's token", "GET /user/alice/api/status", "403 json", UNKNOWN),
    UrlRow("bob", "GET /user/alice/lab", "oauth > 403 html", REFUSED),
    UrlRow("admin", "GET /user/alice/lab", "oauth > 200 html", CONFIRM),
    UrlRow("bob", "GET /hub/spawn-pending/alice", "404 html", FOREIGN),
    UrlRow(
        "admin",
        "GET /hub/spawn-pending/alice",
        "302 /user/alice/ > 302 /user/alice/lab > oauth > 200 html",
        THERE,
    ),
]


WORDS = {
    "bob": "Server not running",
    "carol": "Your server is starting up.",
    "dave": "Spawn failed",
}
"""What a page says of the state that each of these is in (templates/not_running.html,
spawn_pending.html)."""


@pytest.mark.matrix(LEGACY, [False, True])
async def test_a_server_url_says_the_servers_state(
    lab: LiveLab, case: Case, four_states: Mapping[str, Credentials]
) -> None:
    """Everybody's view of a server that never was, is pending, has failed, is ready; and the words
    of its owner's page.
    """
    rows = STOPPED + PENDING_OR_FAILED + READY
    stopped = "503" if case[LEGACY] else "424"
    wrong = await wrong_rows(lab, rows, four_states, values={"STOPPED": stopped})
    assert not wrong, "\n".join(wrong)
    for user, words in WORDS.items():
        shown = await ask(lab, Ask(f"/user/{user}/"), four_states[user], follow=True)
        assert {one: one in shown.body.decode() for one in WORDS.values()} == {
            one: one == words for one in WORDS.values()
        }
