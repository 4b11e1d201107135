"""Two answers of the server tell a browser something else than the rest: preflights and errors.

Why it matters: an application on another host calls the servers by token, which needs no cookie
and no allow_origin on the server's side. What its browser makes of the answers is decided by
headers alone, and a developer sees "CORS error" where a file does not exist.

Sources:
- jupyter_server/base/handlers.py, `set_cors_headers`: "allow token-authenticated requests
  cross-origin by default. only apply this exception if allow-origin has not been specified."
- The same file, `APIHandler.options`: "if authorization header is requested, that means the
  request is token-authenticated. avoid browser-side rejection of the preflight request".
- jupyter/notebook#2920: browsers and server were to agree that a token may come from anywhere.
- `ServerApp.allow_origin`: "Set the Access-Control-Allow-Origin header".
- The Fetch standard: a request with an Authorization header is preceded by a preflight, whose
  answer must pass the CORS check; so must an error before the page may see its status.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Asking, Case, LiveLab, call, callers, cors_access

from .shared_findings import ERRORS_WITHOUT_HEADERS, PREFLIGHT_OF_A_TOKEN

ALLOW = "server.ServerApp.allow_origin"
APP, EVIL = "http://app.lab", "http://evil.lab"
PREFLIGHT = Asking("none", "OPTIONS", APP, requested="authorization")
READ = Asking("token", "GET", APP)
ENDED = "00000000-0000-4000-8000-000000000000"
"""The id of a kernel that is not there."""

pytestmark = [pytest.mark.topology("lab"), pytest.mark.side_by_side]


@pytest.mark.matrix(ALLOW, ["", APP])
@PREFLIGHT_OF_A_TOKEN
async def test_a_preflight_for_a_token_differs_from_its_request(lab: LiveLab, case: Case) -> None:
    """The request itself is readable with and without allow_origin, the preflight only with it."""
    await lab.spawn("alice", lab.own_server)
    target = f"/user/alice/{lab.own_server}/api/contents"
    async with callers(lab, "alice", lab.own_server) as who:
        preflight = cors_access(await call(lab, who, target, PREFLIGHT))
        request = cors_access(await call(lab, who, target, READ))
    assert (preflight.status, request.status) == (200, 200)
    assert request.readable_by(APP)
    assert preflight.readable_by(APP) == bool(case[ALLOW])


@pytest.mark.matrix(ALLOW, [APP])
@pytest.mark.sabotage(ALLOW, EVIL)
@ERRORS_WITHOUT_HEADERS
@pytest.mark.sabotage(
    "server.snippet", "../changes/errors_have_headers.py", sentence="not that a kernel is"
)
async def test_an_error_is_unreadable(lab: LiveLab) -> None:
    """The allowed page may read that a file is missing, and not that a kernel is."""
    await lab.spawn("alice", lab.own_server)
    base = f"/user/alice/{lab.own_server}/api"
    allowed = Asking("token", "GET", APP)
    async with callers(lab, "alice", lab.own_server) as who:
        no_file = cors_access(await call(lab, who, f"{base}/contents/missing.txt", allowed))
        no_kernel = cors_access(await call(lab, who, f"{base}/kernels/{ENDED}", allowed))
    assert (no_file.status, no_file.readable_by(APP)) == (404, True)
    assert (no_kernel.status, no_kernel.readable_by(APP)) == (404, False)
