"""JupyterHub in a frame: hub and server each say who may frame them, and a sign-in needs the hub.

Why it matters: a portal on another host that shows notebooks within its own page has two programs
to persuade. One of them alone lets the sign-in form appear and then an empty frame, or a server
that is there for whoever signed in elsewhere and blank for everybody else.

Sources:
- Content Security Policy 3, "frame-ancestors": the answer that would be shown is checked, not the
  redirects before it; "frame-ancestors 'none'" forbids the page's own origin too.
- jupyterhub 6.1, handlers/base.py, `content_security_policy` ("Change default frame-ancestors from
  'self' to 'none'") and singleuser/extension.py ("set default CSP to prevent iframe embedding
  across jupyterhub components"); `tornado_settings["headers"]` of each replaces its own.
- RFC 6265bis, "SameSite", and Chromium: in a frame of another site a cookie without SameSite=None
  is neither stored nor sent; in one of the same site it is.
"""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext

from hublab.scenario import (
    HUB_SITE,
    OTHER_SITE,
    SAME_SITE,
    Case,
    Framed,
    LiveLab,
    put_elsewhere,
    send_login,
    show_in_frame,
)

from .browsing import USER, at_own_server

HUB_CSP = "hub.JupyterHub.tornado_settings"
SERVER_CSP = "server.ServerApp.tornado_settings"
FRAMED = {
    "headers": {"Content-Security-Policy": f"frame-ancestors 'self' {OTHER_SITE} {SAME_SITE}"}
}

pytestmark = pytest.mark.topology("lab", "browser")


async def framed(lab: LiveLab, context: BrowserContext, page_url: str, url: str) -> Framed:
    """Show `url` in a frame of a new tab."""
    page = await context.new_page()
    await page.goto(page_url)
    return await show_in_frame(lab, page, url)


@pytest.mark.matrix(HUB_CSP, [{}, FRAMED])
@pytest.mark.matrix(SERVER_CSP, [{}, FRAMED])
@pytest.mark.issue(
    "jupyterhub#379",
    "jupyterhub#3023",
    "jupyterhub#4823",
    "zero-to-jupyterhub-k8s#85",
    happens=True,
    workaround="frame-ancestors in tornado_settings of JupyterHub and of ServerApp",
)
async def test_hub_and_server_each_say_who_may_frame_them(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Refused in a frame (iframe): the hub's form and a server's page, for whom they are shown."""
    await put_elsewhere(lab)
    server_page = f"{HUB_SITE}/user/{USER}/lab"
    hub_lets, server_lets = bool(case[HUB_CSP]), bool(case[SERVER_CSP])

    form = await framed(lab, chromium, OTHER_SITE, f"{HUB_SITE}/hub/login")
    assert (form.status, form.shown) == (200, hub_lets)

    await at_own_server(lab, chromium)
    stranger = await framed(lab, chromium, OTHER_SITE, server_page)  # its frame has no cookies
    assert stranger.url.startswith(f"{HUB_SITE}/hub/login")
    assert (stranger.status, stranger.shown) == (200, hub_lets)

    for page_url in (SAME_SITE, f"{HUB_SITE}/hub/home"):
        known = await framed(lab, chromium, page_url, server_page)
        assert (known.url, known.status, known.shown) == (server_page, 200, server_lets), page_url
        assert ("frame-ancestors" in known.complaint) == (not server_lets)


@pytest.mark.matrix(HUB_CSP, [FRAMED])
@pytest.mark.sabotage(HUB_CSP, {})
@pytest.mark.issue(
    "jupyterhub#3135",
    happens=True,
    workaround="a page of the hub's own site; else SameSite=None and Secure in cookie_options, "
    "by https",
)
async def test_a_framed_sign_in_needs_the_hubs_site(lab: LiveLab, chromium: BrowserContext) -> None:
    """The right password: within the site it signs in, within another the form comes back."""
    await put_elsewhere(lab)
    for page_url, signs_in in ((OTHER_SITE, False), (SAME_SITE, True)):
        form = await framed(lab, chromium, page_url, f"{HUB_SITE}/hub/login?next=/hub/home")
        assert form.shown
        await send_login(form.frame, lab, USER)
        assert await form.frame.locator("#password_input").count() == (0 if signs_in else 1)
        assert (form.frame.url == f"{HUB_SITE}/hub/home") == signs_in
        names = {one.get("name") for one in await chromium.cookies(f"{HUB_SITE}/hub/")}
        assert ("jupyterhub-hub-login" in names) == signs_in
