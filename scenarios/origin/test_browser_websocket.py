"""A kernel's WebSocket from a page: the cookie counts within the site, a token in the URL nowhere.

Why it matters: a page can give a WebSocket no headers, so a portal on another host passes the
token in the URL. No browser asks leave first or keeps an answer back: the server alone decides,
by cookie, token and origin, and one of them depends on what the browser tells of itself.

Sources:
- jupyter_server 2.21, base/websocket.py, `check_origin`: 403 for an Origin that is neither the
  Host asked nor `allow_origin`; not for requests with a token.
- jupyterhub 6.1, services/auth.py, `_get_token_url`: a token in the URL counts if Sec-Fetch-Mode is
  `websocket`, or with `allow_token_in_url` (JUPYTERHUB_ALLOW_TOKEN_IN_URL).
- Fetch Metadata, "Set the Sec-Fetch-Mode header": for trustworthy URLs (https, wss, localhost).
  Chromium 156 does not send it with a WebSocket, not even by https (test_browser_https.py).
- RFC 6265bis, "SameSite": a Lax cookie goes along with a handshake within the site, and with no
  other.
"""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext

from hublab.scenario import (
    HUB_SITE,
    OTHER_SITE,
    SAME_SITE,
    Case,
    LiveLab,
    LoggedRequest,
    page_at,
    put_elsewhere,
    server_accesses,
    until,
)

from .browsing import USER, api, at_own_server, token_of
from .shared_findings import TOKEN_IN_THE_URL

ALLOW = "server.ServerApp.allow_origin"
ENVIRONMENT = "hub.Spawner.environment"
OWN_PAGE = f"{HUB_SITE}/hub/home"

pytestmark = pytest.mark.topology("lab", "browser")


def socket_url(server: str) -> str:
    """The events of a server: a WebSocket like a kernel's, for which no kernel is needed."""
    return api(server).replace("http:", "ws:") + "/events/subscribe"


@pytest.mark.side_by_side
@pytest.mark.matrix(ALLOW, ["", SAME_SITE, "*"])
@pytest.mark.issue("jupyter/jupyter#161", happens=False, workaround="ServerApp.allow_origin")
async def test_the_cookie_opens_a_websocket_within_the_site(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Three pages open the same WebSocket; the server's log says whether it knew who asked."""
    await put_elsewhere(lab)
    await at_own_server(lab, chromium)
    for page_url, same_site in ((OWN_PAGE, True), (SAME_SITE, True), (OTHER_SITE, False)):
        url = f"{socket_url(lab.own_server)}?from={page_url}"
        async with page_at(lab, chromium, page_url) as page:
            socket = await page.websocket(url)
        permitted = page_url == OWN_PAGE or case[ALLOW] in ("*", page_url)
        assert socket.status == (101 if same_site and permitted else 403), page_url
        assert socket.open == (socket.status == 101)
        assert socket.fetch_mode is None
        if not socket.open:
            assert await known_at_server(lab, page_url) == (USER if same_site else "")


async def known_at_server(lab: LiveLab, page_url: str) -> str:
    """Whom the server took for the one who asked from a page."""

    async def refusals() -> list[LoggedRequest]:
        seen = await server_accesses(lab, USER, "node1")
        return [one for one in seen if one.status == 403 and one.path.endswith(page_url)]

    # The log has it after the page has its answer.
    return (await until(refusals, what="the refusal in the server's log"))[-1].user


@pytest.mark.matrix(ENVIRONMENT, [{}, {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}])
@TOKEN_IN_THE_URL
@pytest.mark.issue(
    "microsoft/vscode-jupyter-hub#75", happens=True, workaround="JUPYTERHUB_ALLOW_TOKEN_IN_URL=1"
)
async def test_a_token_in_the_url_opens_no_websocket(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Nobody is signed in; two foreign pages have a token. A token that counts needs no origin."""
    await put_elsewhere(lab)
    await lab.spawn(USER, on="node1")
    token = await token_of(lab)
    for origin in (OTHER_SITE, SAME_SITE):
        async with page_at(lab, chromium, origin) as page:
            with_token = await page.websocket(f"{socket_url('')}?token={token}")
            without = await page.websocket(socket_url(""))
        assert with_token.fetch_mode is None
        assert with_token.status == (101 if case[ENVIRONMENT] else 403)
        assert without.status == 403
