"""A sign-in at an identity provider: which host asks which for what, at which address.

Why it matters: one address of the provider is for browsers, two are for the hub, and the provider
sends browsers to one of the hub's. Each is tried from another host, so an address that works where
somebody tests it, `localhost` above all, may be wrong where it is used.

Sources:
- OpenID Connect Core 1.0, 3.1.1: the steps; 3.1.2.1: the authorization request comes by the user
  agent, with `scope` openid, `response_type`, `client_id`, `redirect_uri`, `state`; 3.1.3.1: the
  client asks the token endpoint for itself; 5.3: and the userinfo endpoint, with the access token.
- RFC 7636, 4.3: `code_challenge`, `code_challenge_method`; 4.5: the verifier goes to the token
  endpoint; RFC 9700, 2.1.1: PKCE is required of public clients and recommended for others.
- oauthenticator 17.4.0, oauth2.py: `OAuthLoginHandler.get` keeps state and verifier in a cookie,
  `guess_callback_uri` takes the address that the browser asked the hub by; `check_state`: 400 and
  "OAuth state missing from cookies"; `fetch`: an error of the provider is raised as it came.
- RFC 6749, 4.1.2: a code is used once.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, Undecided, fresh_browser, table_rows, until

from .identity_provider import (
    CALLBACK,
    HOME,
    LINK,
    PROVIDER,
    STATE_COOKIE,
    address,
    begin,
    go_on,
    heard,
    status_of,
    until_callback,
    until_form,
)
from .oauth_steps import leads_to, names, open_page, parameters, path_of

CLASS = "hub.GenericOAuthenticator"
AUTHORIZE, TOKEN = f"{CLASS}.authorize_url", f"{CLASS}.token_url"
USERINFO, PKCE = f"{CLASS}.userdata_url", f"{CLASS}.enable_pkce"
LOCAL, NO_NAME = "http://localhost:9000", "http://provider.invalid:9000"
AT_ONCE = 3.0
"""Seconds: many times what a refused connection takes, and a fraction of the hub's 20 s."""
BY_BROWSER = [
    ("client", "GET /auth", 303),
    ("client", "GET /interaction", 200),
    ("client", "POST /interaction", 303),
    ("client", "GET /auth/resume", 303),
]
BY_HUB = [("hub", "POST /token", 200), ("hub", "GET /me", 200)]
pytestmark = pytest.mark.topology("lab", "identity-provider")


async def exchanges(lab: LiveLab) -> list[tuple[str, str, int]]:
    """Who asked the provider for what, and how it answered."""
    return [(one.host, one.request, one.status) for one in await heard(lab)]


async def known(lab: LiveLab) -> set[object]:
    """The names of the hub's users."""
    return {row["name"] for row in await table_rows(lab, "users")}


async def log_with(lab: LiveLab, text: str) -> str:
    """The hub's log as soon as it has this text: a line of it follows its answer."""

    async def written() -> str:
        log = await lab.hub_log()
        return log if text in log else ""

    return await until(written, what=f"{text} in the hub's log")


@pytest.mark.sabotage(PKCE, False)
async def test_who_asks_whom(lab: LiveLab) -> None:
    """The browser goes to the provider and comes back with a code; then the hub asks it twice."""
    who, before = fresh_browser(lab), len(await exchanges(lab))
    page = await open_page(lab, who, "/hub/login")
    assert LINK.encode() in page.body
    assert b'name="password"' not in page.body

    begun = await begin(lab, who)
    asked = parameters(begun)
    assert (
        asked.items()
        >= {
            "response_type": "code",
            "client_id": "jupyterhub",
            "redirect_uri": str(lab.origin / CALLBACK[1:]),
            "scope": "openid profile",
            "code_challenge_method": "S256",
        }.items()
    )
    assert URL(leads_to(begun)).with_query(None) == address(lab) / "auth"
    assert STATE_COOKIE in names(who)

    back = await until_callback(lab, who, await until_form(lab, who, begun))
    assert (await exchanges(lab))[before:] == BY_BROWSER
    assert leads_to(back).startswith(asked["redirect_uri"])
    assert parameters(back)["state"] == asked["state"]
    assert await status_of(lab, who) == 302
    assert "alice" not in await known(lab)

    done = await go_on(lab, who, back)
    assert (done.status, path_of(done)) == (302, HOME)
    assert (await exchanges(lab))[before:] == BY_BROWSER + BY_HUB
    assert await status_of(lab, who) == 200
    assert "alice" in await known(lab)
    assert STATE_COOKIE not in names(who)


@pytest.mark.sabotage("hub.JupyterHub.log_level", "ERROR")
@pytest.mark.finding(
    "A refused callback writes the code into the hub's log",
    project="jupyterhub",
    steps="Sign in by an OAuthenticator; then open the callback's address again, as the browser's "
    "button for reloading does; read the hub's log.",
    expected="`code=[secret]`, as in the good callback's line (jupyterhub/log.py, _scrub_uri).",
    seen="400, and a warning of tornado's with the whole address, code and state in it: a "
    "web.HTTPError with a message is logged by RequestHandler.log_exception, which does not know "
    "JupyterHub's list of what to hide. After 'OAuth state missing' or 'mismatch' such a code is "
    "one that nobody has used. PKCE, on by default, makes it useless without the cookie.",
)
async def test_a_callback_is_good_once(lab: LiveLab) -> None:
    """The same address again is 400, asks the provider nothing, and the user stays signed in; the
    first line of the log hides the code, and the second has it.
    """
    who = fresh_browser(lab)
    back = await until_callback(lab, who, await until_form(lab, who))
    assert (await go_on(lab, who, back)).status == 302
    asked, code = await exchanges(lab), parameters(back)["code"]
    first = await log_with(lab, f"302 GET {CALLBACK}?code=[secret]")
    assert code not in first
    again = await go_on(lab, who, back)
    assert again.status == 400
    assert b"OAuth state missing from cookies" in again.body
    assert await exchanges(lab) == asked
    assert await status_of(lab, who) == 200
    await log_with(lab, f"400 GET {CALLBACK}?code={code}")


@pytest.mark.matrix(AUTHORIZE, [f"{LOCAL}/auth"])
@pytest.mark.sabotage(AUTHORIZE, "http://provider:9000/auth")
async def test_an_authorize_url_that_only_the_hub_reaches(lab: LiveLab) -> None:
    """The browser finds nobody there, and neither hub nor provider notices; the sign-in ends."""
    who, before = fresh_browser(lab), await exchanges(lab)
    begun = await begin(lab, who)
    logged = await log_with(lab, f"302 GET {LINK}")
    assert begun.status == 302
    with pytest.raises(Undecided):
        await go_on(lab, who, begun)
    assert await exchanges(lab) == before
    assert await lab.hub_log() == logged
    assert await status_of(lab, who) == 302


async def comes_back_to(lab: LiveLab) -> tuple[int, float, list[tuple[str, str, int]], set[str]]:
    """Sign in: what the callback is answered, after how many seconds, what the provider heard
    from the hub, and whether the browser may try its way back again.
    """
    who, before = fresh_browser(lab), len(await exchanges(lab))
    back = await until_callback(lab, who, await until_form(lab, who))
    begun = time.monotonic()
    status = (await go_on(lab, who, back)).status
    seconds = time.monotonic() - begun
    by_hub = (await exchanges(lab))[before + len(BY_BROWSER) :]
    assert await status_of(lab, who) == (200 if status == 302 else 302)
    return status, seconds, by_hub, names(who) & {STATE_COOKIE}


@pytest.mark.issue(
    "oauthenticator#212",
    happens=True,
    workaround="token_url and userdata_url as the hub's host reaches them",
)
@pytest.mark.matrix(TOKEN, ["http://provider:9000/token", f"{LOCAL}/token", f"{NO_NAME}/token"])
async def test_a_token_url_that_only_the_browser_reaches(lab: LiveLab, case: Case) -> None:
    """The user has signed in at the provider, and the hub says 500 at once; code and cookie are
    used up, and the provider never hears of the hub.
    """
    status, seconds, by_hub, left = await comes_back_to(lab)
    good = urlsplit(str(case[TOKEN])).hostname == PROVIDER
    assert (status, by_hub, left) == ((302, BY_HUB, set()) if good else (500, [], set()))
    assert seconds < AT_ONCE
    assert ("alice" in await known(lab)) == good


@pytest.mark.matrix(USERINFO, ["http://provider:9000/me", f"{LOCAL}/me"])
async def test_a_userinfo_url_that_only_the_browser_reaches(lab: LiveLab, case: Case) -> None:
    """The hub has got its tokens and still says 500 at once; there is no row for the user."""
    status, seconds, by_hub, left = await comes_back_to(lab)
    good = urlsplit(str(case[USERINFO])).hostname == PROVIDER
    assert (status, by_hub, left) == ((302, BY_HUB, set()) if good else (500, BY_HUB[:1], set()))
    assert seconds < AT_ONCE
    assert ("alice" in await known(lab)) == good
