"""Links, images and forms of other pages: SameSite decides which of them come as the user.

Why it matters: no script and no allowed origin is needed for these, any page on any host can hold
them. What arrives with a user's cookies is the user's own act for the hub, but for a POST, which
also needs the XSRF token that only the hub's own pages have.

Sources:
- RFC 6265bis, "SameSite": Strict goes along within the site alone; Lax also with a link that is
  followed from another site, and not with images or forms that are POSTed. Chromium, "SameSite
  FAQ", "Lax + POST": a cookie *without* the attribute also goes with such a POST, for two minutes.
- JupyterHub documentation, `JupyterHub.tornado_settings`; jupyterhub 6.1, handlers/base.py,
  `_set_cookie`: `cookie_options` are laid over what the hub sets, which has no SameSite.
- jupyterhub 6.1, handlers/base.py, `prepare` and `_xsrf_safe_methods`: pages check the XSRF token
  of a POST. _xsrf_utils.py, `check_xsrf_cookie`: 403 "'_xsrf' argument missing from POST".
"""

from __future__ import annotations

import pytest
from browsing import USER, signed_in
from playwright.async_api import BrowserContext

from hublab.cases.matrix import Case
from hublab.probes.access_log import LoggedRequest, hub_accesses
from hublab.probes.page_requests import put_elsewhere
from hublab.probes.waiting import until
from hublab.running.browser import HUB, OTHER_SITE, SAME_SITE
from hublab.running.live import LiveLab

COOKIES = "hub.JupyterHub.tornado_settings"
ACTS = {
    # First, within two minutes of signing in.
    "form": "const f = document.createElement('form'); f.action = url; f.method = 'POST'; "
    "document.body.append(f); f.submit();",
    "link": "const a = document.createElement('a'); a.href = url; document.body.append(a); "
    "a.click();",
    "image": "const i = document.createElement('img'); i.src = url; document.body.append(i);",
}

pytestmark = pytest.mark.topology("lab", "browser")


def comes_as_the_user(same_site: str, origin: str, act: str) -> bool:
    """Whether Chromium sends the hub's cookies along; empty: the attribute is not set."""
    if origin == SAME_SITE:
        return True
    return act in {"": ("link", "form"), "Lax": ("link",), "Strict": ()}[same_site]


def status_of(act: str, known: bool) -> int:
    """What the hub answers: its page, or the way to the form; a POST without a token is refused."""
    return 403 if act == "form" else 200 if known else 302


@pytest.mark.matrix(
    COOKIES,
    [{}, {"cookie_options": {"samesite": "Lax"}}, {"cookie_options": {"samesite": "Strict"}}],
)
async def test_what_comes_with_the_users_cookies(
    lab: LiveLab, case: Case, chromium: BrowserContext
) -> None:
    """Somebody is signed in; two pages try each way; the hub's log says for whom it took them."""
    put_elsewhere(lab.lab)
    options: dict[str, str] = dict(case[COOKIES]).get("cookie_options", {})  # type: ignore[arg-type]
    await signed_in(lab, chromium)
    for origin in (OTHER_SITE, SAME_SITE):
        for act, script in ACTS.items():
            page = await chromium.new_page()
            await page.goto(origin)
            place = f"/hub/{'spawn' if act == 'form' else 'home'}?by={act}-of-{origin[7:]}"
            # Later, because the page that was told to do it may be gone when it is done.
            await page.evaluate(f"url => {{ setTimeout(() => {{ {script} }}) }}", HUB + place)
            seen = await asked_for(lab, place)
            known = comes_as_the_user(options.get("samesite", ""), origin, act)
            assert (seen.user == USER) == known, f"{origin}: {act}"
            assert seen.status == status_of(act, known), f"{origin}: {act}"
    assert await lab.server(USER) is None  # none of the forms started one


async def asked_for(lab: LiveLab, place: str) -> LoggedRequest:
    """The hub's line for the one request to a place."""

    async def line() -> LoggedRequest | None:
        return next((one for one in await hub_accesses(lab) if one.path == place), None)

    found = await until(line, what=f"{place} in the hub's log")
    assert found is not None
    return found
