"""The hub looks at no Origin: a cookie with its XSRF token may come from any page, and which page
may read the answer is decided by one header that stands on every answer or on none.

Why it matters: the hub's API starts and stops servers. People look for `allow_origin` on the hub,
which does not exist, and for the old refusal "Blocking Cross Origin API request", which is gone:
the XSRF token took its place, and a proxy that renames hosts no longer matters here.

Sources:
- jupyterhub/apihandlers/base.py, `check_referer`: "deprecated in JupyterHub 3.2 and always
  returns True"; `_xsrf_safe_methods` of an API handler: HEAD and OPTIONS.
- jupyterhub/_xsrf_utils.py, `_needs_check_xsrf`: reading without Sec-Fetch-Mode needs no token.
- jupyterhub/handlers/base.py, `set_default_headers`: "Set any headers passed as
  tornado_settings['headers']"; Access-Control-Allow-Headers is "accept, content-type,
  authorization" unless set there; jupyterhub#1539 shows the setting for cross-origin use.
- jupyterhub/apihandlers/hub.py, `RootAPIHandler`: "allow CORS requests to this endpoint by
  default".
- tornado/web.py, `send_error`: calls set_default_headers again, so that errors have them too.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from hublab.scenario import (
    COOKIE,
    CREDENTIALS,
    NO_CREDENTIALS,
    Asking,
    Case,
    CorsAccess,
    DecisionRow,
    LiveLab,
    always,
    anything,
    call,
    callers,
    cors_access,
    decide,
    row_for,
    wrong_cells,
)

from .server_rules import needs_xsrf

TORNADO = "hub.JupyterHub.tornado_settings"
HEADER = "Access-Control-Allow-Origin"
APP, EVIL = "http://app.lab", "http://evil.lab"
NOW = {"last_activity": "2020-01-01T00:00:00Z"}

STATUS: tuple[DecisionRow[Asking, int], ...] = (
    DecisionRow(
        "a preflight is asked nothing",
        lambda asking: asking.preflight,
        always(200),
        "jupyterhub/apihandlers/base.py, options, and _xsrf_safe_methods",
    ),
    DecisionRow(
        "nobody gets nothing",
        lambda asking: asking.credential == NO_CREDENTIALS,
        always(403),
        "jupyterhub/scopes.py, needs_scope",
    ),
    DecisionRow(
        "a cookie without the XSRF token does not count where it writes",
        lambda asking: asking.credential == COOKIE and needs_xsrf(asking),
        always(403),
        "jupyterhub/_xsrf_utils.py, _needs_check_xsrf",
    ),
    DecisionRow(
        "whoever proves who they are, from any origin",
        anything,
        always(200),
        "jupyterhub/apihandlers/base.py, check_referer: always True since 3.2",
    ),
)

OTHERS = {
    "/hub/login": 200,
    "/hub/home": 200,
    "/hub/nosuch": 404,
    "/hub/api/nosuch": 404,
    "/hub/security/csp-report": 405,
    "/hub/health": 200,
}
"""Of each kind one, and its status for nobody; the redirect to the form counts as 200, too."""

pytestmark = pytest.mark.topology("lab")


def headers_of(case: Case) -> dict[str, str]:
    """The headers that a case sets on every answer of the hub."""
    tornado = case.get(TORNADO)
    return dict(tornado.get("headers", {})) if isinstance(tornado, dict) else {}


def cells(lab: LiveLab) -> list[Asking]:
    """Every credential from every origin by every method; a preflight has no credentials."""
    own = str(lab.origin).rstrip("/")
    origins = ["", own, f"http://{lab.origin.host}:1", APP, EVIL]
    asked = [
        Asking(credential, method, origin)
        for credential in CREDENTIALS
        for origin in origins
        for method in ("GET", "POST", "PUT")
    ]
    return asked + [
        Asking("none", "OPTIONS", origin, requested="x-xsrftoken") for origin in origins
    ]


@pytest.mark.matrix(TORNADO, [{}, {"headers": {HEADER: APP}}, {"headers": {HEADER: "*"}}])
@pytest.mark.sabotage(
    "hub.snippet", "../changes/refuses_foreign_origins.py", sentence="The hub looks at no Origin"
)
async def test_one_header_decides_which_page_may_read(lab: LiveLab, case: Case) -> None:
    """Reads a user, writes an activity, makes a named server, from every origin."""
    wanted_header = headers_of(case).get(HEADER)
    async with callers(lab, "alice") as who:

        async def one(number: int, asking: Asking) -> CorsAccess:
            target = {
                "POST": "/hub/api/users/alice/activity",
                "PUT": f"/hub/api/users/alice/servers/made-{number}",
            }.get(asking.method, "/hub/api/users/alice")
            return cors_access(await call(lab, who, target, asking, NOW))

        asked = cells(lab)
        found = await asyncio.gather(*(one(number, asking) for number, asking in enumerate(asked)))
    wrong = wrong_cells(
        dict(zip(asked, found, strict=True)),
        lambda asking: CorsAccess(decide(STATUS, asking), wanted_header),
        lambda asking: [str(row_for(STATUS, asking)), "handlers/base.py, set_default_headers"],
    )
    assert not wrong, wrong


@pytest.mark.matrix(
    TORNADO,
    [
        {"headers": {HEADER: APP}},
        {
            "headers": {
                HEADER: APP,
                "Access-Control-Allow-Methods": "GET, PUT",
                "Access-Control-Allow-Headers": "authorization, x-xsrftoken",
            }
        },
    ],
)
async def test_a_preflight_allows_neither_put_nor_the_xsrf_header(lab: LiveLab, case: Case) -> None:
    """With the origin alone a page may read, by token, and can neither PUT nor send X-XSRFToken."""
    asking = Asking("none", "OPTIONS", APP, requested="x-xsrftoken")
    async with callers(lab, "alice") as who:
        answer = await call(lab, who, "/hub/api/users/alice", asking)
    wanted = headers_of(case)
    default = "accept, content-type, authorization"
    assert cors_access(answer).readable_by(APP)
    assert answer.header("Access-Control-Allow-Methods") == wanted.get(
        "Access-Control-Allow-Methods"
    )
    assert answer.header("Access-Control-Allow-Headers") == wanted.get(
        "Access-Control-Allow-Headers", default
    )


@pytest.mark.matrix(TORNADO, [{}, {"headers": {HEADER: APP}}])
async def test_the_root_may_be_read_by_all(lab: LiveLab, case: Case) -> None:
    """`/hub/api/` tells its version to every page, unless the setting says who may read; of the
    hub's other answers, pages, redirects and errors too, each has the setting's header or none.
    """
    header = headers_of(case).get(HEADER)
    async with callers(lab, "alice") as who:
        answer = await call(lab, who, "/hub/api/", Asking("none", "GET", EVIL))
        others = {
            path: cors_access(await call(lab, who, path, Asking("none", "GET", EVIL)))
            for path in OTHERS
        }
    assert cors_access(answer) == CorsAccess(200, header or "*")
    assert json.loads(answer.body).keys() == {"version"}
    assert others == {path: CorsAccess(status, header) for path, status in OTHERS.items()}
