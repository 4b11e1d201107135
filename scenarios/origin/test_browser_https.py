"""By https a page of the same site gets less by cookie, and cookies can be kept off http.

Why it matters: a lab is often plain http and the deployment that it stands for is https, behind
something that ends TLS on another host. Chromium tells a server how a request came about
(Sec-Fetch-Mode) by https alone, and JupyterHub decides by it.

Sources:
- Fetch Metadata, "Set the Sec-Fetch-Mode header": to potentially trustworthy URLs only, so not to
  http://hub.lab. Chromium sends it with requests, and with no WebSocket.
- jupyterhub 6.1, _xsrf_utils.py, `_needs_check_xsrf`: a GET without that header passes ("Skipping
  XSRF check for insecure request"), one with the mode `cors` needs the XSRF token;
  services/auth.py, `_get_user_cookie`: else its cookie does not count. `_get_token_url`,
  `_get_token_cookie`: what is said of WebSockets holds for requests with the mode `websocket`.
- jupyterhub 6.1, handlers/base.py, `_set_cookie`: Secure if `public_url` is https, or without one
  if the request is; jupyterhub#5013. tornado/httputil, `_apply_xheaders`: of X-Forwarded-Proto the
  last value counts, which configurable-http-proxy makes `http`.
"""

from __future__ import annotations

import aiohttp
import pytest
from browsing import USER, api, at_own_server, signed_in, token_of
from https_site import HTTPS, HTTPS_SAME_SITE, over_https
from playwright.async_api import BrowserContext

from hublab.cases.matrix import Case
from hublab.probes.page_requests import Upgrade, page_at, put_elsewhere
from hublab.running.browser import HUB, OTHER_SITE, SAME_SITE, open_server
from hublab.running.live import LiveLab

PATTERN = "server.ServerApp.allow_origin_pat"
PUBLIC_URL = "hub.JupyterHub.public_url"
ENVIRONMENT = "hub.Spawner.environment"
NO_COOKIES = {"JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH": "0"}
SCHEME = "    proxy_set_header X-Scheme $scheme;\n"

pytestmark = pytest.mark.topology("lab", "browser", "nginx")


@pytest.mark.matrix(PATTERN, ["", r"https?://(app|www)\.hub\.lab(:8443)?"])
@pytest.mark.matrix("server.ServerApp.allow_credentials", [True])
async def test_what_the_scheme_changes(lab: LiveLab, case: Case, chromium: BrowserContext) -> None:
    """One page of the hub's site by each scheme, one of another; the user is signed in at both."""
    put_elsewhere(lab.lab)
    async with over_https(lab.lab):
        await at_own_server(lab, chromium)
        await signed_in(lab, chromium, HTTPS)
        await open_server(chromium, HTTPS, USER)
        for page_url, hub, mode, status in (
            (SAME_SITE, HUB, None, 200),
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
            for hub in (HUB, HTTPS):
                url = f"{api(origin=hub).replace('http', 'ws', 1)}/events/subscribe"
                socket = await page.websocket(f"{url}?token={token}")
                assert (socket.fetch_mode, socket.status) == (None, 403)


@pytest.mark.matrix(ENVIRONMENT, [{}, NO_COOKIES])
@pytest.mark.finding(
    "allow_websocket_cookie_auth=False has no effect on Chromium",
    project="jupyterhub",
    steps="c.Spawner.environment = {'JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH': '0'}; by https sign "
    "in with Chromium 156; a page there opens a WebSocket of the server without a token.",
    expected="Help of HubAuth.allow_websocket_cookie_auth: 'Disabling cookie auth on websockets "
    "protects user servers from each other'. 403, as for a request with Sec-Fetch-Mode: websocket.",
    seen="101. `_get_token_cookie` knows a WebSocket's request by Sec-Fetch-Mode and not by its "
    "Upgrade, and Chromium sends no Sec-Fetch-Mode with WebSockets.",
)
async def test_a_websocket_by_cookie(lab: LiveLab, case: Case, chromium: BrowserContext) -> None:
    """What the setting refuses to a client that says what it asks for, Chromium still gets."""
    async with over_https(lab.lab):
        await at_own_server(lab, chromium, HTTPS)
        url = f"{api(origin=HTTPS).replace('http', 'ws', 1)}/events/subscribe"
        async with page_at(lab, chromium, f"{HTTPS}/hub/home") as page:
            assert await page.websocket(url) == Upgrade(True, 101, None)
    visitor = await lab.sign_in(USER)
    await visitor.open_server()
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(lab.origin).rstrip("/")}
    place = visitor.server_url() / "api/events/subscribe"
    try:
        async with visitor.session.ws_connect(place, headers=headers):
            status = 101
    except aiohttp.WSServerHandshakeError as refusal:
        status = refusal.status
    assert status == (403 if case[ENVIRONMENT] else 101)


@pytest.mark.matrix(PUBLIC_URL, ["", f"{HTTPS}/"])
@pytest.mark.issue("jupyterhub#5013", happens=True, workaround="JupyterHub.public_url, or X-Scheme")
async def test_cookies_behind_something_that_ends_tls(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Whoever signs in by https and follows one link to http has sent the cookies in the clear."""
    async with over_https(lab.lab, (SCHEME, "")):
        await signed_in(lab, chromium, HTTPS)
        cookies = await chromium.cookies(f"{HTTPS}/hub/")
        secure = {one.get("name"): one.get("secure") for one in cookies}
        wanted = bool(case[PUBLIC_URL])
        assert secure["jupyterhub-hub-login"] is secure["jupyterhub-session-id"] is wanted

        async with page_at(lab, chromium, "http://www.hub.lab/hub/home") as page:
            seen = await page.traffic.exchanges("/hub/home")
        in_the_clear = seen[0].url.startswith("http:") and "jupyterhub-hub-login" in seen[0].cookies
        assert in_the_clear is not wanted
