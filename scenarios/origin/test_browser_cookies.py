"""A page of another origin and no token: only the hub's own site has cookies, and POST needs more.

Why it matters: with several hosts the portal, the hub and its servers have names of their own. If
they are of one site (`app.example.org`, `hub.example.org`), Chromium sends a signed-in user's
cookies along with what the portal's pages ask; if not, they are missing, whatever is allowed.

Sources:
- Cookies (RFC 6265bis, "SameSite"; Chromium): a cookie without the attribute is Lax, and is not
  sent with what a page of another site fetches. Site is the scheme and the registrable domain.
- Fetch standard, "CORS check": with credentials `*` does not count as the origin, and
  Access-Control-Allow-Credentials must be `true`; for the preflight too.
- jupyter_server 2.21, base/handlers.py: `set_cors_headers` sends that header when
  `allow_credentials` is set; `check_origin` refuses a foreign origin with 404.
- jupyterhub 6.1, _xsrf_utils.py, `_needs_check_xsrf`: a GET without Sec-Fetch-Mode needs no XSRF
  token; Fetch Metadata, "Set the Sec-Fetch-Mode header": sent to trustworthy URLs alone, and plain
  http is none. services/auth.py, `_get_user_cookie`: else a cookie does not count without it.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from playwright.async_api import BrowserContext

from hublab.scenario import (
    HUB_SITE,
    OTHER_SITE,
    SAME_SITE,
    Asked,
    AskingPage,
    Case,
    LiveLab,
    page_at,
    put_elsewhere,
)

from .browsing import USER, api, at_own_server

ALLOW = "server.ServerApp.allow_origin"
CREDENTIALS = "server.ServerApp.allow_credentials"
NEW_FILE = {"type": "file"}

pytestmark = pytest.mark.topology("lab", "browser")


class Outcome(NamedTuple):
    """`answered` by the server, None if Chromium did not even send it; `blocked` by Chromium."""

    answered: int | None
    blocked: str | None


def model(case: Case, origin: str, what: str) -> Outcome:
    """What comes of a request with `credentials: include`."""
    allowed, credentials = str(case[ALLOW]), bool(case[CREDENTIALS])
    verdict = cors_check(allowed, credentials, origin)
    if what == "read":
        if allowed not in ("*", origin):
            return Outcome(404, "MissingAllowOriginHeader")
        signed_in = origin == SAME_SITE
        return Outcome(200, verdict) if signed_in else Outcome(403, "MissingAllowOriginHeader")
    if verdict:
        return Outcome(None, f"Preflight{verdict}")
    if what == "write with the XSRF token" and origin == SAME_SITE:
        return Outcome(201, None)
    return Outcome(403, "MissingAllowOriginHeader")


def cors_check(allowed: str, credentials: bool, origin: str) -> str | None:
    """The Fetch standard's check of an answer to a request with credentials."""
    if allowed == "*":
        return "WildcardOriginNotAllowed"
    if allowed != origin:
        return "AllowOriginMismatch" if allowed else "MissingAllowOriginHeader"
    return None if credentials else "InvalidAllowCredentials"


async def send(page: AskingPage, server: str, what: str, xsrf: str) -> Asked:
    if what == "read":
        return await page.fetch(f"{api(server)}/me", credentials="include")
    headers = {"X-XSRFToken": xsrf} if what == "write with the XSRF token" else {}
    return await page.fetch(
        f"{api(server)}/contents",
        "POST",
        json_body=NEW_FILE,
        headers=headers,
        credentials="include",
    )


async def xsrf_of(context: BrowserContext, path: str) -> str:
    """The value of the server's XSRF cookie, which no foreign page could read by itself."""
    cookies = await context.cookies(f"{HUB_SITE}{path}")
    return next(
        str(one.get("value"))
        for one in cookies
        if one.get("name") == "_xsrf" and one.get("path") == path
    )


@pytest.mark.side_by_side
@pytest.mark.matrix(ALLOW, ["*", SAME_SITE])
@pytest.mark.matrix(CREDENTIALS, [False, True])
async def test_only_a_page_of_the_hubs_site_has_its_cookies(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """The same three requests of two pages; the user is signed in all the time."""
    await put_elsewhere(lab)
    await at_own_server(lab, chromium)
    xsrf = await xsrf_of(chromium, f"/user/{USER}/{lab.own_server}/")
    cookie = f"jupyterhub-user-{USER}-{lab.own_server}"
    for origin in (OTHER_SITE, SAME_SITE):
        async with page_at(lab, chromium, origin) as page:
            for what in ("read", "write", "write with the XSRF token"):
                asked = await send(page, lab.own_server, what, xsrf)
                seen = Outcome(asked.answered, asked.blocked)
                assert seen == model(case, origin, what), f"{origin}: {what}"
                assert asked.read == (None if seen.blocked else seen.answered)
                if asked.exchange and asked.answered:
                    assert (cookie in asked.cookies) == (origin == SAME_SITE), asked.cookies
                    assert "sec-fetch-mode" not in asked.exchange.sent
                    if origin == OTHER_SITE:
                        assert "SameSite" in asked.exchange.withheld[cookie]
