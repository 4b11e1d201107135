"""What hub and server make of each method and of each Sec-Fetch-Mode, by page, API and file.

Why it matters: a monitor on another host that asks by HEAD takes hub and servers for broken, and a
script of the same user that fetches a page gets a sign-in where an address bar gets the page.

Sources:
- tornado/web.py, `RequestHandler`: a method that a handler does not have is 405; only `FileHandler`
  of jupyter_server (files/handlers.py) has `head`.
- jupyterhub/apihandlers/base.py and jupyter_server base/handlers.py, `options`: API handlers answer
  a preflight without credentials; pages have none, so that OPTIONS is 405.
- jupyterhub/_xsrf_utils.py, `_needs_check_xsrf`: a cookie's GET needs the token unless the mode is
  navigate or websocket, or none is given; hub pages are navigated to and are not checked.
- jupyterhub/handlers/base.py, `get_current_user`: by token, then by cookie; a token that nobody
  knows is none.

What a preflight allows: test_hub_api.py, test_cors_headers.py.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, LiveLab, ask, credentials

HUB_API, HUB_PAGE = "/hub/api/users/alice", "/hub/home"
SERVER_API, SERVER_PAGE = "/user/alice/api/contents", "/user/alice/lab"
FILE = "/user/alice/files/none"
SIGN_IN = "/hub/api/oauth2/authorize?client_id=jupyterhub-user-alice&"
UNKNOWN_TOKEN = ("Authorization", f"token {'0' * 32}")
WRONG_XSRF = (("X-XSRFToken", "wrong"), "?_xsrf=wrong")

BY_METHOD = {
    HUB_API: {"GET": 200, "HEAD": 405, "OPTIONS": 200, "PATCH": 403},
    HUB_PAGE: {"GET": 200, "HEAD": 405, "OPTIONS": 405, "PATCH": 403},
    SERVER_API: {"GET": 200, "HEAD": 405, "OPTIONS": 200, "PATCH": 403},
    SERVER_PAGE: {"GET": 200, "HEAD": 405, "OPTIONS": 405, "PATCH": 403},
    FILE: {"GET": 404, "HEAD": 404, "OPTIONS": 405, "PATCH": 403},
}
"""By cookie, without the XSRF token and without a mode; there is no such file."""
CHECKED, UNCHECKED = ("cors", "no-cors", "same-origin"), ("navigate", "websocket", "")
BY_MODE = {HUB_API: 403, SERVER_API: 403, SERVER_PAGE: 302, FILE: 302, HUB_PAGE: 200}
"""What a GET by cookie without the XSRF token is in the modes that are checked."""

pytestmark = pytest.mark.topology("lab")


@pytest.mark.finding(
    "HEAD is refused by pages and APIs of hub and servers",
    project="jupyterhub",
    steps="A monitor, or curl -I, asks the hub's or a server's page or API by HEAD.",
    expected="The headers of GET: 'all general-purpose servers MUST support the methods GET and "
    "HEAD' (RFC 9110, 9.1).",
    seen="405 from hub and server; of what was asked only /files/ and the proxy's own health check "
    "answer.",
)
@pytest.mark.sabotage("server.ServerApp.disable_check_xsrf", True)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/patch_without_xsrf.py", sentence="PATCH nowhere without XSRF"
)
async def test_each_method_by_cookie(lab: LiveLab) -> None:
    """GET is answered, HEAD and OPTIONS where there is a handler, PATCH nowhere without XSRF."""
    await lab.spawn("alice", on="node1")
    async with credentials(lab, "alice", server="") as who:

        async def asked(path: str, method: str) -> int:
            body = b"{}" if method == "PATCH" else None
            return (await ask(lab, Ask(path, method=method, body=body), who)).status

        seen = {
            path: {method: await asked(path, method) for method in methods}
            for path, methods in BY_METHOD.items()
        }
        health = await asked("/_chp_healthz", "HEAD")
    assert seen == BY_METHOD
    assert health == 200


@pytest.mark.sabotage("server.ServerApp.disable_check_xsrf", True)
async def test_each_mode_by_cookie(lab: LiveLab) -> None:
    """A page of the server is a sign-in for a script that fetches it, and the hub's page is not."""
    await lab.spawn("alice", on="node1")
    async with credentials(lab, "alice", server="") as who:

        async def asked(path: str, mode: str, *, xsrf: bool) -> int:
            headers = (("Sec-Fetch-Mode", mode),) if mode else ()
            answer = await ask(lab, Ask(path, headers=headers, xsrf=xsrf), who)
            leads_to = answer.header("Location") or ""
            assert leads_to.startswith(SIGN_IN if answer.status == 302 else ""), path
            return answer.status

        good = {path: methods["GET"] for path, methods in BY_METHOD.items()}
        for mode in CHECKED:
            assert {path: await asked(path, mode, xsrf=False) for path in BY_MODE} == BY_MODE, mode
            assert {path: await asked(path, mode, xsrf=True) for path in good} == good, mode
        for mode in UNCHECKED:
            assert {path: await asked(path, mode, xsrf=False) for path in good} == good, mode


@pytest.mark.sabotage("server.ServerApp.disable_check_xsrf", True)
async def test_what_is_wrong_counts_as_missing(lab: LiveLab) -> None:
    """A wrong XSRF token by header or argument, and a token that nobody knows beside a cookie."""
    await lab.spawn("alice", on="node1")
    wrong_header, wrong_argument = WRONG_XSRF
    async with credentials(lab, "alice", server="") as who:
        for path in (HUB_API, f"{SERVER_API}/none"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                requests = {
                    "missing": Ask(path, method=method, body=b"{}"),
                    "header": Ask(path, method=method, body=b"{}", headers=(wrong_header,)),
                    "argument": Ask(f"{path}{wrong_argument}", method=method, body=b"{}"),
                }
                answers = {name: await ask(lab, one, who) for name, one in requests.items()}
                assert {one.status for one in answers.values()} == {403}, (path, method)
            right = await ask(lab, Ask(f"{SERVER_API}/none", method="DELETE", xsrf=True), who)
            assert right.status == 404
        for path in (HUB_API, SERVER_API):
            beside = await ask(lab, Ask(path, headers=(UNKNOWN_TOKEN,)), who)
            assert beside.status == 200, path
    async with credentials(lab, None) as nobody:
        for path in (HUB_API, SERVER_API):
            alone = await ask(lab, Ask(path, headers=(UNKNOWN_TOKEN,)), nobody)
            assert alone.status == 403, path
