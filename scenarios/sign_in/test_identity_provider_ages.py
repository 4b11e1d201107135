"""How often a hub asks the identity provider about somebody who is signed in, and how old an access
token may be.

Why it matters: each question goes to another host in the middle of a request, and the provider's
limits are counted in such questions. What is asked too seldom is an account that was closed and
still works.

Sources:
- JupyterHub documentation: `auth_refresh_age`: "The max age (in seconds) of authentication info
  before forcing a refresh of user auth info"; `refresh_pre_spawn`: "Force refresh of auth prior to
  spawn", which OAuthenticator has on with auth state; jupyterhub 6.1.1, handlers/base.py,
  `refresh_auth`: "Called at most once per user per request".
- oauthenticator 17.4.0, oauth2.py, `refresh_user`: userinfo with the access token, and after a
  client error the refresh token; "always [True] if `enable_auth_state` is False".
- OpenID Connect Core 1.0, 5.3.3: userinfo answers an access token that does not hold with an error.
- oidc-provider 9.13.3, lib/helpers/defaults.js: `clockTolerance` is 15 seconds; a token in memory
  lives as long as it says and as much longer (lib/adapters/memory_adapter.js, storageOptions).
"""

from __future__ import annotations

import time

import pytest

from hublab.scenario import Ask, Case, LiveLab, ask, fresh_browser, until, until_state

from .forms import start_by_form
from .identity_provider import (
    address,
    asked_by_hub,
    provider_options,
    sign_in,
    with_server,
)
from .kept_answers import Kept, until_another
from .tokens import AT_HUB, status_for

AGE, STATE = "hub.Authenticator.auth_refresh_age", "hub.GenericOAuthenticator.enable_auth_state"
ROLES = "hub.JupyterHub.load_roles"
READER = {"name": "reader", "services": ["hublab"], "scopes": ["admin:auth_state"]}
FOR_ALL_TIME = 100_000
USERINFO = ("GET /me", 200)
LIFE, TOLERANCE = 1, 15
"""Seconds: how long an access token lives here, and how much longer the provider takes it."""

pytestmark = pytest.mark.topology("lab", "identity-provider")


def rounds(questions: list[tuple[str, int]]) -> list[str]:
    """What the hub's questions are for, one word a refresh."""
    text = " ".join(f"{request.partition(' ')[2]}:{status}" for request, status in questions)
    text = text.replace("/me:401 /token:200 /me:200", "renewed").replace("/me:200", "known")
    return text.split()


@pytest.mark.slow
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STATE, [True, False])
async def test_how_often_the_provider_is_asked(lab: LiveLab, case: Case) -> None:
    """Once an age for userinfo, and where the access token has ended, twice more for another one;
    pages and tokens go on. Without auth state never: the window is three ages.
    """
    kept = case[STATE] is True
    async with provider_options(lab, ttl={"AccessToken": 3}, clockTolerance=0):
        alice = await with_server(lab)
        before, begun, answers = len(await asked_by_hub(lab)), time.monotonic(), set[object]()

        async def enough() -> bool:
            answers.add((await alice.page(), await status_for(lab, AT_HUB, alice.known.text)))
            seen = rounds((await asked_by_hub(lab))[before:])
            return set(seen) == {"known", "renewed"} if kept else time.monotonic() - begun > 3

        await until(enough, what="an access token to end")
        seen = rounds((await asked_by_hub(lab))[before:])
        ages = time.monotonic() - begun
    assert answers == {("200", 200)}
    assert set(seen) == ({"known", "renewed"} if kept else set())
    assert len(seen) <= ages + 1


@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [60, FOR_ALL_TIME])  # neither is over between page and button
@pytest.mark.sabotage("hub.Authenticator.refresh_pre_spawn", False)
async def test_a_start_from_a_page(lab: LiveLab) -> None:
    """The request of the button asks once, whatever the age: for page and start together."""
    browser = fresh_browser(lab)
    assert (await sign_in(lab, browser)).status == 302
    before = len(await asked_by_hub(lab))
    assert await start_by_form(lab, browser) == 302
    seen = (await asked_by_hub(lab))[before:]
    await until_state(lab, "alice", "ready")
    assert seen == [USERINFO]


@pytest.mark.slow
@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(ROLES, [[READER]])
@pytest.mark.sabotage(STATE, False)
async def test_the_provider_takes_an_access_token_past_its_end(lab: LiveLab) -> None:
    """For fifteen seconds, by its `clockTolerance`, in which a hub learns nothing of the end."""
    async with provider_options(lab, ttl={"AccessToken": LIFE}):
        begun = time.monotonic()
        browser = fresh_browser(lab)
        assert (await sign_in(lab, browser)).status == 302
        kept = Kept(200, begun, time.monotonic())
        state = (await (await lab.hub()).get("users/alice"))["auth_state"]
        lab.hide(state["access_token"])

        async def userinfo() -> int:
            headers = (("Authorization", f"Bearer {state['access_token']}"),)
            wanted = Ask("/me", headers=headers)
            return (await ask(lab, wanted, fresh_browser(lab), at=address(lab))).status

        await until_another(kept, userinfo)
    assert kept.other == 401
    assert kept.at_least <= LIFE + TOLERANCE <= kept.at_most + 1  # it counts in whole seconds
