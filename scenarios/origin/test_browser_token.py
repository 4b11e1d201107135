"""A page of another origin has a token: what it may read of a server, and what it cannot.

Why it matters: a portal on one host that drives notebooks on others does so from its users'
browsers. A script with the same token gets everything; a browser asks leave first (a preflight,
for the header Authorization) and keeps from the page what the answer does not release to it.

Sources:
- Fetch standard, "CORS check", "CORS-preflight fetch": the answer's Access-Control-Allow-Origin
  must be `*` or the page's own origin, for the preflight and for the answer itself; Authorization
  is not a safelisted header, so every request with a token is preflighted.
- jupyter_server 2.21, base/handlers.py, `APIHandler.options`: the preflight for Authorization.
  `set_cors_headers`: an answer names `allow_origin` as it was written. `APIHandler.prepare`: 404
  for an origin that is not allowed, but for requests with a token. `prepare` sets the header;
  tornado/web.py, `send_error`, clears it.
- jupyterhub 6.1, services/auth.py, `allow_token_in_url` (False): `?token=` is for WebSockets.
- Chrome for Developers, "New permission prompt for Local Network Access": local are RFC 1918 and
  the like. A lab's 198.18.0.0/15 is not among them: the prompt has no part in what follows, but
  it comes before all that when a public page asks a deployment on 10.0.0.0/8.

Not tried here: `allow_origin` as a guard against pages that have a token, which it is not in
jupyter_server 2.21. Give tokens few scopes and a short life.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from playwright.async_api import BrowserContext

from hublab.scenario import (
    OTHER_SITE,
    SAME_SITE,
    Asked,
    AskingPage,
    Case,
    LiveLab,
    page_at,
    put_elsewhere,
)

from .browsing import api, token_of
from .shared_findings import ERRORS_WITHOUT_HEADERS, PREFLIGHT_OF_A_TOKEN

ALLOW = "server.ServerApp.allow_origin"
HEADERS = "server.ServerApp.tornado_settings"
MISSING = "MissingAllowOriginHeader"
NO_KERNEL = "/kernels/00000000-0000-0000-0000-000000000000"

pytestmark = pytest.mark.topology("lab", "browser")


class Request(NamedTuple):
    """What a page asks for; `status` is for whom the server takes as the user."""

    what: str
    path: str
    token: str
    """Where a token stands: `header`, `url`, nowhere; `xsrf` is one that proves no user."""
    status: int
    method: str = "GET"
    body: Any = None


REQUESTS = (
    Request("the version, open to all", "", "", 200),
    Request("who am I, without a token", "/me", "", 403),
    Request("who am I, token in the URL", "/me", "url", 403),
    Request("who am I, as JupyterLab asks by cookie", "/me", "xsrf", 403),
    Request("who am I", "/me", "header", 200),
    Request("a kernel that is not there", NO_KERNEL, "header", 404),
    Request("a new file", "/contents", "header", 201, "POST", {"type": "file"}),
)


class Outcome(NamedTuple):
    """`answered` by the server, None if Chromium did not even send it; `blocked` by Chromium."""

    answered: int | None
    blocked: str | None


def model(allowed: str, origin: str, request: Request) -> Outcome:
    """What comes of a request under a value of `allow_origin`."""
    permitted = allowed in ("*", origin)
    if request.token == "header":
        if not allowed:
            return Outcome(None, f"Preflight{MISSING}")
        return Outcome(request.status, MISSING if request.status >= 400 else None)
    if request.token == "xsrf" and not permitted:
        return Outcome(None, f"Preflight{'AllowOriginMismatch' if allowed else MISSING}")
    status = request.status if permitted else 404
    return Outcome(status, MISSING if status >= 400 else None)


def requests_from(origin: str, allowed: str) -> list[Request]:
    """All of them, but those with a token only where its origin is allowed, or none is set."""
    by_token = allowed in ("", "*", origin)
    return [request for request in REQUESTS if by_token or request.token != "header"]


async def send(page: AskingPage, server: str, request: Request, token: str) -> Asked:
    url = api(server) + request.path + (f"?token={token}" if request.token == "url" else "")
    header = token if request.token == "header" else None
    extra = {"X-XSRFToken": "none"} if request.token == "xsrf" else {}
    return await page.fetch(
        url, request.method, token=header, json_body=request.body, headers=extra
    )


async def files(lab: LiveLab, token: str) -> set[str]:
    """What is in the user's home, asked by a script: all servers of this user share it."""
    listing = api(lab.own_server, str(lab.origin).rstrip("/")) + "/contents"
    async with (
        lab.channel.session(headers={"Authorization": f"token {token}"}) as script,
        script.get(listing) as answer,
    ):
        return {model["name"] for model in (await answer.json())["content"]}


@pytest.mark.side_by_side
@pytest.mark.matrix(ALLOW, ["", OTHER_SITE, "*"])
@PREFLIGHT_OF_A_TOKEN
@pytest.mark.issue(
    "jupyterhub#4609",
    happens=True,
    workaround="tornado_settings headers Access-Control-Allow-Origin",
)
@pytest.mark.issue("jupyter-server/jupyter_server#1468", happens=True, workaround="a token")
async def test_a_foreign_page_with_a_token_reads_what_is_allowed(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Blocked by CORS, with a token: what a server answers two foreign pages, what they read."""
    await put_elsewhere(lab)
    await lab.spawn("alice", lab.own_server, on="node1")
    token = await token_of(lab)
    before = await files(lab, token)
    created = 0
    for origin in (OTHER_SITE, SAME_SITE):
        async with page_at(lab, chromium, origin) as page:
            for request in requests_from(origin, str(case[ALLOW])):
                expected = model(str(case[ALLOW]), origin, request)
                asked = await send(page, lab.own_server, request, token)
                seen = Outcome(asked.answered, asked.blocked)
                assert seen == expected, f"{origin}: {request.what}"
                assert asked.read == (None if seen.blocked else seen.answered)
                created += seen.answered == 201
                if asked.exchange and asked.answered:
                    assert asked.exchange.space == "Public"

    # The server carried out what it accepted, and nothing else.
    allowed = [origin for origin in (OTHER_SITE, SAME_SITE) if case[ALLOW] in ("*", origin)]
    assert len(await files(lab, token) - before) == created == len(allowed)


@pytest.mark.side_by_side
@pytest.mark.matrix(ALLOW, [OTHER_SITE])
@pytest.mark.matrix(HEADERS, [{}, {"headers": {"Access-Control-Allow-Origin": OTHER_SITE}}])
@ERRORS_WITHOUT_HEADERS
async def test_tornado_settings_make_errors_readable(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """With the header among `tornado_settings` the allowed page can tell an error from silence."""
    await put_elsewhere(lab)
    await lab.spawn("alice", lab.own_server, on="node1")
    token = await token_of(lab)
    async with page_at(lab, chromium, OTHER_SITE) as page:
        missing = await page.fetch(api(lab.own_server) + NO_KERNEL, token=token)
        stranger = await page.fetch(api(lab.own_server) + "/me")
    assert (missing.answered, stranger.answered) == (404, 403)
    if case[HEADERS]:
        assert (missing.read, stranger.read) == (404, 403)
    else:
        assert (missing.read, stranger.read) == (None, None)
        assert missing.text == stranger.text == "TypeError: Failed to fetch"
        assert missing.blocked == stranger.blocked == MISSING
