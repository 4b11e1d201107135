"""What people reported as refused pages and requests, asked again: two tabs that sign in at once, a
notebook that is exported, an admin who opens a user's server through https, and a token that is
sent to the wrong address.

Why it matters: these refusals name OAuth or XSRF, and their causes lie elsewhere: in another tab,
in a link, in an address that leads to the hub instead of a server on a node.

Sources:
- jupyterhub/services/auth.py, `HubOAuth.set_state_cookie`: "use a randomized cookie suffix to avoid
  collisions in case of concurrent logins" (jupyterhub#1439, for #1438; #2351 is the same).
- `HubOAuthCallbackHandler.get`: "completing oauth with stale state, but already logged in": goes on
  to where the tab wanted to go.
- jupyterhub/_xsrf_utils.py, `_needs_check_xsrf`: "no xsrf check needed for regular page views"
  (4.1.4, for jupyter/nbconvert#2132 and jupyterlab#16040).
- jupyterhub/apihandlers/auth.py, `OAuthAuthorizeHandler.post`: no Referer is compared any more
  ("OAuth POST from https://… != http://…" was refused where the scheme was lost, #3244).
- jupyterhub/handlers/base.py, `_accept_token_auth`: False but for the API, so that a token at any
  other address of the hub is as no token (jupyterhub#4604).
"""

from __future__ import annotations

import html
import json
import re
from urllib.parse import urlencode

import pytest
from yarl import URL

from hublab.scenario import (
    NAVIGATE,
    Ask,
    Asking,
    Credentials,
    LiveLab,
    ask,
    call,
    callers,
    credentials,
)

PAGE = tuple(NAVIGATE.items())
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

pytestmark = pytest.mark.topology("lab")


async def steps(lab: LiveLab, who: Credentials, target: str, count: int) -> tuple[int, str]:
    """Follow a page's redirects so many times; the last status, and where it leads."""
    for _ in range(count):
        answer = await ask(lab, Ask(target, headers=PAGE), who)
        if not (location := answer.header("Location")):
            break
        target = location
    return answer.status, target


@pytest.mark.sabotage("server.snippet", "../changes/one_sign_in_at_a_time.py")
@pytest.mark.issue("jupyterhub#1438", happens=False, workaround="fixed by jupyterhub#1439")
@pytest.mark.issue("jupyterhub#2351", happens=False, workaround="fixed by jupyterhub#1439")
async def test_two_tabs_sign_in_at_once(lab: LiveLab) -> None:
    """Both begin before either ends; both end where they wanted to go."""
    await lab.spawn("alice")
    async with credentials(lab, "alice") as who:
        first = await steps(lab, who, "/user/alice/lab/tree/one", 1)
        second = await steps(lab, who, "/user/alice/lab/tree/two", 1)
        states = {morsel.key for morsel in who.jar if "-oauth-state" in morsel.key}
        assert len(states) == 2
        # authorize, callback, and the page itself
        one = await steps(lab, who, first[1], 3)
        two = await steps(lab, who, second[1], 3)
    assert one == (200, "/user/alice/lab/tree/one")
    assert two == (200, "/user/alice/lab/tree/two")


@pytest.mark.sabotage("server.snippet", "../changes/reading_needs_no_xsrf.py")
@pytest.mark.issue("jupyter/nbconvert#2132", happens=False, workaround="fixed in 4.1.4")
@pytest.mark.issue("jupyterlab/jupyterlab#16040", happens=False, workaround="fixed in 4.1.4")
async def test_a_link_exports_a_notebook_and_a_script_does_not(lab: LiveLab) -> None:
    """A link to the exported notebook works without an XSRF token; a script is led to a sign-in."""
    await lab.spawn("alice")
    base = "/user/alice"
    async with callers(lab, "alice", "") as who:
        made = {"type": "notebook", "format": "json", "content": NOTEBOOK}
        await call(lab, who, f"{base}/api/contents/a.ipynb", Asking("token", "PUT"), made)
        link = f"{base}/nbconvert/notebook/a.ipynb?download=true"
        followed = await ask(lab, Ask(link, headers=PAGE), who.cookie)
        fetched = await call(lab, who, link, Asking("cookie", mode="cors", site="same-origin"))
    assert followed.status == 200
    assert json.loads(followed.body)["nbformat"] == 4
    assert fetched.status == 302
    assert str(fetched.header("Location")).startswith("/hub/api/oauth2/authorize?")


@pytest.mark.sabotage("hub.snippet", "../changes/refuses_pages_of_https.py")
@pytest.mark.issue(
    "jupyterhub#3244", happens=False, workaround="none needed: no Referer is compared"
)
async def test_an_admin_authorizes_through_https(lab: LiveLab) -> None:
    """TLS ends in front, and nobody tells the hub: the form of an https page is taken."""
    await lab.spawn("alice")
    async with credentials(lab, "admin") as who:
        page = await ask(lab, Ask("/user/alice/", headers=PAGE), who, follow=True)
        target = URL(page.url, encoded=True).raw_path_qs
        assert target.startswith("/hub/api/oauth2/authorize?")
        scopes = re.findall(rb'name="scopes"[^>]*value="([^"]+)"', page.body)
        fields = [("scopes", html.unescape(scope.decode())) for scope in scopes]
        fields += [("_xsrf", who.xsrf_header(URL(page.url))["X-XSRFToken"])]
        sent = (
            *PAGE,
            ("Referer", page.url.replace("http://", "https://")),
            ("Content-Type", "application/x-www-form-urlencoded"),
        )
        form = Ask(target, "POST", sent, urlencode(fields).encode())
        answer = await ask(lab, form, who)
        assert answer.status == 302
        opened = await steps(lab, who, str(answer.header("Location")), 4)
    assert opened[0] == 200
    assert opened[1].startswith("/user/alice/")


@pytest.mark.sabotage("hub.JupyterHub.tornado_settings", {"xsrf_cookies": False})
@pytest.mark.issue("jupyterhub#4604", happens=True, workaround="/user/NAME/api/contents")
async def test_a_token_at_the_wrong_address_is_blamed_on_xsrf(lab: LiveLab) -> None:
    """403, "_xsrf missing": without /user/NAME the hub answers, and takes no token there."""
    await lab.spawn("alice")
    made = {"type": "file", "format": "text", "content": ""}
    async with callers(lab, "alice") as who:
        wrong = await call(lab, who, "/api/contents", Asking("token", "POST"), made)
        hint = await call(lab, who, "/user/alice/api/contents", Asking("token", "POST"), made)
    assert (wrong.status, hint.status) == (403, 201)
    assert b"_xsrf" in wrong.body
    assert b"missing from POST" in wrong.body
