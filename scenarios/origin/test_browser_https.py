"""By https a page of the same site gets less by cookie, and cookies can be kept off http.

Why it matters: a lab is often plain http and the deployment that it stands for is https, behind
something that ends TLS on another host. Chromium tells a server how a request came about
(Sec-Fetch-Mode) by https alone, and JupyterHub decides by it.

Sources:
- Fetch Metadata, "Set the Sec-Fetch-Mode header": to potentially trustworthy URLs only, so not to
  http://hub.lab. Chromium sends it with requests, and with no WebSocket.
- jupyterhub 6.1, _xsrf_utils.py, `_needs_check_xsrf`: a GET without that header passes ("Skipping
  XSRF check for insecure request"), one with the mode `cors` needs the XSRF token;
  services/auth.py, `_get_user_cookie`: else its cookie does not count. `_get_token_url`:
  what is said of WebSockets holds for requests with the mode `websocket`.
- jupyterhub 6.1, handlers/base.py, `_set_cookie`: Secure if `public_url` is https, or without one
  if the request is; jupyterhub#5013. tornado/httputil, `_apply_xheaders`: of X-Forwarded-Proto the
  last value counts, which configurable-http-proxy makes `http`.
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
    open_server,
    page_at,
    put_elsewhere,
)

from .browsing import USER, api, at_own_server, signed_in, token_of
from .https_site import HTTPS, HTTPS_SAME_SITE, over_https

PATTERN = "server.ServerApp.allow_origin_pat"
PUBLIC_URL = "hub.JupyterHub.public_url"
SCHEME = "    proxy_set_header X-Scheme $scheme;\n"

pytestmark = pytest.mark.topology("lab", "browser", "nginx")


@pytest.mark.matrix(PATTERN, ["", r"https?://(app|www)\.hub\.lab(:8443)?"])
@pytest.mark.matrix("server.ServerApp.allow_credentials", [True])
async def test_by_https_the_same_site_gets_less_by_cookie(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """One page of the hub's site by each scheme, one of another; the user is signed in at both."""
    await put_elsewhere(lab)
    async with over_https(lab):
        await at_own_server(lab, chromium)
        await signed_in(lab, chromium, HTTPS)
        await open_server(chromium, HTTPS, USER)
        for page_url, hub, mode, status in (
            (SAME_SITE, HUB_SITE, None, 200),
            (HTTPS_SAME_SITE, HTTPS, "cors", 403),
        ):
            async with page_at(lab, chromium, page_url) as page:
                asked = await page.fetch(f"{api(origin=hub)}/me", credentials="include")
            assert f"jupyterhub-user-{USER}" in asked.cookies
            assert asked.exchange
            assert asked.exchange.sent.get("sec-fetch-mode") == mode
            assert asked.answered == (status if case[PATTERN] else 404)
            assert asked.read == (200 if asked.answered == 200 else None)

        token = await token_of(lab)
        async with page_at(lab, chromium, OTHER_SITE) as page:
            for hub in (HUB_SITE, HTTPS):
                url = f"{api(origin=hub).replace('http', 'ws', 1)}/events/subscribe"
                socket = await page.websocket(f"{url}?token={token}")
                assert (socket.fetch_mode, socket.status) == (None, 403)


@pytest.mark.matrix(PUBLIC_URL, ["", f"{HTTPS}/"])
@pytest.mark.issue("jupyterhub#5013", happens=True, workaround="JupyterHub.public_url, or X-Scheme")
async def test_a_link_to_http_sends_the_cookies_in_the_clear(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Whoever signs in by https and follows one link to http has sent the cookies in the clear."""
    async with over_https(lab, (SCHEME, "")):
        await signed_in(lab, chromium, HTTPS)
        cookies = await chromium.cookies(f"{HTTPS}/hub/")
        secure = {one.get("name"): one.get("secure") for one in cookies}
        wanted = bool(case[PUBLIC_URL])
        assert secure["jupyterhub-hub-login"] is secure["jupyterhub-session-id"] is wanted

        async with page_at(lab, chromium, "http://www.hub.lab/hub/home") as page:
            seen = await page.traffic.exchanges("/hub/home")
        assert seen[0].url.startswith("http:")
        in_the_clear = {"jupyterhub-hub-login", "jupyterhub-session-id"} & {*seen[0].cookies}
        assert len(in_the_clear) == (0 if wanted else 2)
