"""The hub's API from a foreign page: with one header it can start servers, and not stop them.

Why it matters: a portal that starts its users' servers from their browsers needs the hub's API
across origins. The hub has no setting for that, only headers that it adds to every answer.

Sources:
- jupyterhub#1087 and #1539: "config to enable token-authenticated cross-origin requests on both
  the Hub itself and running notebooks" is the header Access-Control-Allow-Origin among
  `JupyterHub.tornado_settings`.
- jupyterhub 6.1, handlers/base.py, `set_default_headers`: every answer, errors too, has these
  headers, and Access-Control-Allow-Headers of its own accord; apihandlers/base.py, `options`: adds
  nothing. apihandlers/hub.py, `RootAPIHandler`: /hub/api/ alone is open to all by default (#4966).
- Fetch standard, "CORS-preflight fetch": a method other than GET, HEAD and POST must be in
  Access-Control-Allow-Methods; "CORS check" as for servers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from playwright.async_api import BrowserContext

from hublab.scenario import (
    HUB_SITE,
    OTHER_SITE,
    SAME_SITE,
    Case,
    LiveLab,
    page_at,
    put_elsewhere,
    until_ready,
    until_state,
)

from .browsing import token_of

SETTINGS = "hub.JupyterHub.tornado_settings"
ORIGIN = "Access-Control-Allow-Origin"
METHODS = "Access-Control-Allow-Methods"
SAFELISTED = ("GET", "HEAD", "POST")

pytestmark = pytest.mark.topology("lab", "browser")


class Request(NamedTuple):
    """One call; `status` is the hub's answer to a script."""

    method: str
    path: str
    status: int
    token: bool = True
    body: Any = None


REQUESTS = (
    Request("GET", "", 200, token=False),
    Request("GET", "user", 403, token=False),
    Request("GET", "user", 200),
    Request("GET", "users/nobody", 404),
    Request("POST", "users/alice/tokens", 201, body={"note": "made by a page"}),
    Request("DELETE", "users/alice/server", 204),
)


class Outcome(NamedTuple):
    """`answered` by the hub, None if Chromium did not even send it; `blocked` by Chromium."""

    answered: int | None
    blocked: str | None


def model(headers: dict[str, str], origin: str, request: Request) -> Outcome:
    """What comes of a request under the headers that the hub was told to send."""
    allowed = headers.get(ORIGIN, "" if request.path else "*")
    if allowed in ("*", origin):
        refusal = None
    else:
        refusal = "AllowOriginMismatch" if allowed else "MissingAllowOriginHeader"
    if not request.token:
        return Outcome(request.status, refusal)
    if refusal:
        return Outcome(None, f"Preflight{refusal}")
    if request.method not in (*SAFELISTED, *headers.get(METHODS, "").split(", ")):
        return Outcome(None, "MethodDisallowedByPreflightResponse")
    return Outcome(request.status, None)


@pytest.mark.matrix(
    SETTINGS,
    [
        {},
        {"headers": {ORIGIN: OTHER_SITE}},
        {"headers": {ORIGIN: OTHER_SITE, METHODS: "GET, POST, PUT, PATCH, DELETE"}},
    ],
)
@pytest.mark.finding(
    "The hub's preflight answers never name a method, so pages cannot DELETE, PUT or PATCH",
    project="jupyterhub",
    steps="c.JupyterHub.tornado_settings = {'headers': {'Access-Control-Allow-Origin': "
    "'http://app.lab'}}; a page there, with a token: fetch(hub + '/hub/api/users/alice/server', "
    "{method: 'DELETE', headers: {Authorization: 'token …'}}).",
    expected="jupyterhub#1539: this is the configuration for cross-origin requests with a token; "
    "the hub sends Access-Control-Allow-Headers by itself, as jupyter_server does together with "
    "Access-Control-Allow-Methods.",
    seen="The preflight is answered 200 without Access-Control-Allow-Methods, and Chromium sends "
    "no DELETE. GET and POST pass, so a page can start a server and cannot stop it. The further "
    "header Access-Control-Allow-Methods is the workaround.",
)
@pytest.mark.issue(
    "jupyterhub#1087",
    "jupyterhub#4584",
    happens=True,
    workaround="Access-Control-Allow-Origin and -Methods in JupyterHub.tornado_settings",
)
async def test_one_header_lets_a_foreign_page_start_servers(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Blocked by CORS at the hub's API: two foreign pages, six requests each, and its own 403. The
    allowed page starts a server, and stops it where the setting names the method.
    """
    await put_elsewhere(lab)
    headers: dict[str, str] = dict(case[SETTINGS]).get("headers", {})  # type: ignore[arg-type]
    await (await lab.hub()).ensure_user("alice")
    token = await token_of(lab)
    for origin in (OTHER_SITE, SAME_SITE):
        async with page_at(lab, chromium, origin) as page:
            for request in REQUESTS:
                asked = await page.fetch(
                    f"{HUB_SITE}/hub/api/{request.path}",
                    request.method,
                    token=token if request.token else None,
                    json_body=request.body,
                )
                seen = Outcome(asked.answered, asked.blocked)
                assert seen == model(headers, origin, request), f"{origin}: {request}"
                assert asked.read == (None if seen.blocked else seen.answered)
                assert (asked.preflight is not None) == request.token
    if ORIGIN not in headers:
        return
    server = f"{HUB_SITE}/hub/api/users/alice/server"
    async with page_at(lab, chromium, OTHER_SITE) as page:
        started = await page.fetch(server, "POST", token=token)
        assert started.read in (201, 202)
        await until_ready(lab, "alice")
        stopped = await page.fetch(server, "DELETE", token=token)
    stops = METHODS in headers
    assert stopped.read in ((202, 204) if stops else (None,))
    await until_state(lab, "alice", "stopped" if stops else "ready")
