"""In a frame of another site: SameSite=None and Secure let a user in, and not out again.

Why it matters: a portal with a domain of its own can show JupyterHub by https only, and only with
cookies that say so. `cookie_options` is where they say it, for the hub and for servers on every
host, but not for all that the two do with cookies.

Sources:
- RFC 6265bis, "SameSite", and Chromium: in a frame of another site a Set-Cookie without
  SameSite=None and Secure is ignored, one that deletes included.
- jupyterhub 6.1, handlers/base.py, `_set_cookie`: takes `cookie_options`; `clear_login_cookie`:
  passes path and domain alone. tornado/web.py, `clear_cookie`: "The samesite and secure flags have
  recently become required for clearing samesite="none" cookies."
- jupyterhub 6.1, app.py, `init_tornado_settings`: the hub's XSRF cookie has `cookie_options`, too;
  services/auth.py, `set_cookie`: of a server's cookies the first has them (from
  JUPYTERHUB_COOKIE_OPTIONS); `_xsrf` has the server's own `xsrf_cookie_kwargs`.
"""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext

from hublab.scenario import OTHER_SITE, Case, LiveLab, put_elsewhere, send_login, show_in_frame

from .browsing import NODE, USER
from .https_site import HTTPS, over_https
from .shared_findings import XSRF_COOKIE_OPTIONS

HUB_SETTINGS = "hub.JupyterHub.tornado_settings"
FRAMED = {"headers": {"Content-Security-Policy": f"frame-ancestors {OTHER_SITE}"}}
CROSS_SITE = {**FRAMED, "cookie_options": {"samesite": "None", "secure": True}}

pytestmark = pytest.mark.topology("lab", "browser", "nginx")


async def cookie_names(context: BrowserContext, path: str) -> set[str]:
    return {
        str(one.get("name"))
        for one in await context.cookies(f"{HTTPS}{path}")
        if one.get("path") == path
    }


@pytest.mark.matrix(HUB_SETTINGS, [FRAMED, CROSS_SITE])
@pytest.mark.matrix("server.ServerApp.tornado_settings", [FRAMED])
@pytest.mark.finding(
    "Log-out does not delete cookies that cookie_options made SameSite=None",
    project="jupyterhub",
    steps="https; cookie_options = {'samesite': 'None', 'secure': True}, frame-ancestors set; sign "
    "in within a frame of another site, go to /hub/logout there.",
    expected="The user is logged out (documentation of /hub/logout). tornado's clear_cookie: 'The "
    'samesite and secure flags have recently become required for clearing samesite="none" '
    "cookies.'",
    seen="clear_login_cookie passes neither, Chromium ignores the Set-Cookie headers that delete, "
    "and the frame shows the user's page again instead of the form.",
)
@XSRF_COOKIE_OPTIONS
@pytest.mark.issue(
    "jupyterhub#3739",
    happens=True,
    workaround="cookie_options {'samesite': 'None', 'secure': True} by https",
)
@pytest.mark.issue("jupyterhub#3952", happens=True)
async def test_samesite_none_lets_a_framed_user_in_and_not_out(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Sign in, open the server, log out: all in a frame that a page of another site shows."""
    await put_elsewhere(lab)
    stays = "cookie_options" in dict(case[HUB_SETTINGS])  # type: ignore[arg-type]
    page = await chromium.new_page()
    async with over_https(lab):
        await page.goto(OTHER_SITE)
        framed = await show_in_frame(lab, page, f"{HTTPS}/hub/login?next=/hub/home")
        assert framed.shown
        await send_login(framed.frame, lab, USER)
        form = framed.frame.locator("#password_input")
        assert await form.count() == (0 if stays else 1)
        assert ("jupyterhub-hub-login" in await cookie_names(chromium, "/hub/")) == stays
        if not stays:
            return

        await lab.spawn(USER, on=NODE)
        server = await show_in_frame(lab, page, f"{HTTPS}/user/{USER}/lab")
        assert (server.status, server.shown) == (200, True)
        # The page's own calls may begin a sign-in of their own, whose state is a cookie too.
        names = await cookie_names(chromium, f"/user/{USER}/")
        assert f"jupyterhub-user-{USER}" in names
        assert "_xsrf" not in names

        await framed.frame.goto(f"{HTTPS}/hub/logout")
        assert "jupyterhub-hub-login" in await cookie_names(chromium, "/hub/")
        await framed.frame.goto(f"{HTTPS}/hub/home")
        assert framed.frame.url == f"{HTTPS}/hub/home"
