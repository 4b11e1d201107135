"""One sign-in at an identity provider serves two hubs, and ending it is three things.

Why it matters: a site with two hubs, or a hub and something else, signs in once. Each hub has a
session of its own on its own host, the provider has one, and nobody tells the others when one ends.

Sources:
- OpenID Connect Core 1.0, 3.1.2.3: the provider authenticates a user who "is not already
  Authenticated"; 3.1.2.1: `client_id` and `redirect_uri` are each client's own.
- RFC 6265, 5.1.3 and 8.5: cookies belong to a host, and not to a port.
- OpenID Connect RP-Initiated Logout 1.0, 2: what ends the provider's session; that the clients are
  told is another specification (Back-Channel Logout 1.0), which oauthenticator 17.4 does not have.
- oauthenticator, oauth2.py, `refresh_user`: without `enable_auth_state` always True.
- JupyterHub documentation, `auth_refresh_age`.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Credentials, LiveLab, fresh_browser, until

from .everywhere import OTHER, OUT, TOPOLOGY, B, leave, until_b_answers
from .identity_provider import PROVIDER, heard, provider_knows, sign_in, status_of
from .oauth_steps import open_page

STATE, AGE = "hub.GenericOAuthenticator.enable_auth_state", "hub.Authenticator.auth_refresh_age"
pytestmark = pytest.mark.topology(*TOPOLOGY)


async def at_both(lab: LiveLab) -> Credentials:
    """A browser that typed its password for hub A, and followed the link of hub B."""
    await until_b_answers(lab)
    who = fresh_browser(lab)
    assert (await sign_in(lab, who)).status == 302
    before = len(await heard(lab))
    assert await status_of(lab, who, B) == 302
    assert (await sign_in(lab, who, at=B)).status == 302
    assert [(one.host, one.request) for one in (await heard(lab))[before:]] == [
        ("client", "GET /auth"),
        (OTHER, "POST /token"),
        (OTHER, "GET /me"),
    ]
    return who


async def in_at(lab: LiveLab, who: Credentials) -> tuple[bool, bool]:
    """Whether a browser is signed in at hub A, and at hub B."""
    return await status_of(lab, who) == 200, await status_of(lab, who, B) == 200


@pytest.mark.sabotage("hub.Authenticator.allow_all", False)
async def test_signed_in_at_one_and_not_asked_at_the_other(lab: LiveLab) -> None:
    """Hub B sends its browser to the provider, which sends it back at once; then B asks for itself.
    A log-out at either ends that hub's session only, and its link signs in without a question.
    """
    who = await at_both(lab)
    assert await in_at(lab, who) == (True, True)
    for at, left in ((None, (False, True)), (B, (True, False))):
        await open_page(lab, who, OUT, at)
        assert await in_at(lab, who) == left
        assert await provider_knows(lab, who, at)
        assert (await sign_in(lab, who, at=at)).status == 302
        assert await in_at(lab, who) == (True, True)


@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STATE, [True])
@pytest.mark.sabotage(STATE, False)
async def test_a_log_out_at_the_provider_and_who_notices(lab: LiveLab) -> None:
    """Hub A, which keeps the provider's tokens, asks and sends the user to the sign-in. Hub B keeps
    none, asks nothing and goes on. A new sign-in has to be typed, whichever hub it is for.
    """
    who = await at_both(lab)
    await leave(lab, who, PROVIDER)
    before = len(await heard(lab))

    async def noticed() -> bool:
        return await status_of(lab, who) == 302

    await until(noticed, what="hub A to notice that the session is over")
    assert await in_at(lab, who) == (False, True)
    assert OTHER not in {one.host for one in (await heard(lab))[before:]}
    assert not await provider_knows(lab, who, B)
    assert not await provider_knows(lab, who)
