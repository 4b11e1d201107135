"""A log-out at the hub is none at the identity provider, and the other way round.

Why it matters: each of them has a session of its own, on its own host, in the same browser. Who
logs out on a borrowed machine has to end both, and who is logged out at the provider by somebody
else may still be in at the hub.

Sources:
- oauthenticator 17.4.0, oauth2.py: `OAuthLogoutHandler` takes the state cookie back;
  `logout_redirect_url`: "users are not presented with the JupyterHub logout page, but instead
  redirected to this destination".
- OpenID Connect RP-Initiated Logout 1.0, 2: the `end_session_endpoint`; "the OP MUST ask the
  End-User whether to log out of the OP as well" without an `id_token_hint`.
- RFC 6265, 5.1.3: a cookie belongs to the host that set it, by its name.
- OpenID Connect Core 1.0, 3.1.2.3: the provider authenticates a user who is not authenticated yet.
- oidc-provider 9.13.3, `expiresWithSession`: tokens of a sign-in without `offline_access` end with
  the provider's session.
- oauthenticator, `refresh_user`: "always [True] if `enable_auth_state` is False".
"""

from __future__ import annotations

import time

import pytest

from hublab.scenario import (
    NAVIGATE,
    Ask,
    Case,
    Credentials,
    LiveLab,
    ask,
    fresh_browser,
    until,
)

from .identity_provider import (
    address,
    end_session,
    go_on,
    heard,
    provider_knows,
    sign_in,
    status_of,
    until_form,
)
from .oauth_steps import leads_to, open_page, path_of

CLASS = "hub.GenericOAuthenticator"
STATE, AGE = f"{CLASS}.enable_auth_state", "hub.Authenticator.auth_refresh_age"
AUTHORIZE, LEADS_ON = f"{CLASS}.authorize_url", f"{CLASS}.logout_redirect_url"
OUT, END = "/hub/logout", "http://provider:9000/session/end"

pytestmark = pytest.mark.topology("lab", "identity-provider")


async def signed_in(lab: LiveLab) -> Credentials:
    """A browser with a session at the hub and one at the provider."""
    who = fresh_browser(lab)
    assert (await sign_in(lab, who)).status == 302
    assert await status_of(lab, who) == 200
    assert await provider_knows(lab, who)
    return who


@pytest.mark.issue(
    "jupyterhub#4323",
    "jupyterhub#1805",
    "jupyterhub#2622",
    "oauthenticator#472",
    "2i2c-org/infrastructure#422",
    happens=True,
    workaround="logout_redirect_url, to where the provider logs out",
)
@pytest.mark.sabotage(LEADS_ON, END)
async def test_a_log_out_at_the_hub(lab: LiveLab) -> None:
    """It leads to the hub's own page, and the provider hears nothing. The hub's link then signs the
    user in again without a question.
    """
    who = await signed_in(lab)
    before = await heard(lab)
    out = await open_page(lab, who, OUT)
    assert (out.status, path_of(out)) == (302, "/hub/login")
    assert await status_of(lab, who) == 302
    assert await heard(lab) == before
    assert (await go_on(lab, who, await until_form(lab, who))).status == 302
    assert await status_of(lab, who) == 200


async def logs_out_at_both(lab: LiveLab) -> tuple[int, bool]:
    """Log out where the hub leads on, and say yes there: the status of the hub's page, and whether
    the provider still knows the browser.
    """
    who = await signed_in(lab)
    out = await open_page(lab, who, OUT)
    assert leads_to(out) == END
    asks = await go_on(lab, who, out)
    assert asks.status == 200
    assert await provider_knows(lab, who)
    assert await end_session(lab, who, asks) in (200, 303)
    return await status_of(lab, who), await provider_knows(lab, who)


@pytest.mark.matrix(AUTHORIZE, ["http://provider:9000/auth"])
@pytest.mark.matrix(LEADS_ON, [END])
@pytest.mark.sabotage(LEADS_ON, "/hub/login")
async def test_a_log_out_that_leads_on(lab: LiveLab) -> None:
    """The provider asks first, and until the answer its session holds; then the form is back."""
    assert await logs_out_at_both(lab) == (302, False)


@pytest.mark.slow
@pytest.mark.matrix(LEADS_ON, [END])
@pytest.mark.sabotage(AUTHORIZE, "http://provider:9000/auth")
async def test_a_log_out_by_another_name(lab: LiveLab) -> None:
    """The hub sends browsers to an address of the provider to sign in, and to a name of it to log
    out: the cookie is another host's there. All looks the same, and the provider's session stays.
    """
    assert await logs_out_at_both(lab) == (302, True)


@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STATE, [True, False])
async def test_a_log_out_at_the_provider(lab: LiveLab, case: Case) -> None:
    """A hub with auth state notices when its age is over: it asks twice, is refused, and pages go
    to the sign-in. One without never asks, and the user stays in: the window is three ages.
    """
    who = await signed_in(lab)
    there = address(lab)
    asks = await ask(lab, Ask("/session/end", headers=tuple(NAVIGATE.items())), who, at=there)
    assert await end_session(lab, who, asks) in (200, 303)
    before, begun, pages = len(await heard(lab)), time.monotonic(), set[int]()

    async def noticed() -> bool:
        pages.add(await status_of(lab, who))
        return 302 in pages or time.monotonic() - begun > 3

    await until(noticed, what="a page that leads to the sign-in, or three ages")
    asked = [(one.host, one.request, one.status) for one in (await heard(lab))[before:]]
    if case[STATE]:
        assert 302 in pages
        assert asked[-2:] == [("hub", "GET /me", 401), ("hub", "POST /token", 400)]
    else:
        assert (pages, asked) == ({200}, [])
    assert not await provider_knows(lab, who)
