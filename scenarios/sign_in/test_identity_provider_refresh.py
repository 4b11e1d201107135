"""What becomes of somebody whose identity provider says no, or says nothing, after the sign-in.

Why it matters: a hub that keeps the provider's tokens asks it again in the middle of requests. An
account that is closed at the provider should end at the hub, and a provider that is away should
not; which of both happens depends on who asks the hub, and is not what one would think.

Sources:
- oauthenticator 17.4.0, oauth2.py, `refresh_user`: "True: … always if `enable_auth_state` is
  False"; it asks userinfo with the access token, after a client error tries the refresh token, and
  "False: If the user needs to login again"; other errors are raised.
- JupyterHub documentation: `auth_refresh_age`: "The max age (in seconds) of authentication info
  before forcing a refresh of user auth info"; `refresh_pre_spawn`: "Force refresh of auth prior to
  spawn", which OAuthenticator has on with auth state; `auth_refresh_strict`, False by default.
- RFC 6749, 6: refreshing an access token; 5.2: `invalid_grant`.
- OpenID Connect Core 1.0, 5.3.3: userinfo answers an access token that does not hold with an error,
  RFC 6750, 3.1: 401 `invalid_token`.
- JupyterHub documentation, "Authenticators", "Encrypting auth_state": JUPYTERHUB_CRYPT_KEY.
- jupyterhub 6.1.1, user.py, `get_auth_state`: what cannot be decrypted is None, with a warning.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hublab.scenario import (
    ETC,
    Ask,
    Case,
    File,
    LiveLab,
    ask,
    fresh_browser,
    server_state,
    until,
    until_state,
)

from .at_work import Alice
from .forms import start_by_form
from .identity_provider import (
    PROVIDER,
    PROVIDER_UID,
    asked_by_hub,
    sign_in,
    status_of,
    with_server,
)
from .tokens import AT_HUB, Token, make_token, status_for

AGE, STRICT = "hub.Authenticator.auth_refresh_age", "hub.Authenticator.auth_refresh_strict"
STATE = "hub.GenericOAuthenticator.enable_auth_state"
BEFORE_SPAWN = "hub.Authenticator.refresh_pre_spawn"
SIGN_IN = "/hub/login"
KEY_FOLDER, KEY = f"{ETC}/env", "JUPYTERHUB_CRYPT_KEY"
FOR_ALL_TIME = 100_000
USERINFO, REFUSED = ("GET /me", 200), [("GET /me", 401), ("POST /token", 400)]

GOES_ON = {
    "page": SIGN_IN,
    "token": 200,
    "server's page": 200,
    "server, known token": 200,
    "server, new token": 200,
}
"""What a refusal comes to by default: pages go to the sign-in, and all else goes on."""
TOKENS_REFUSED = {**GOES_ON, "token": 403, "server, new token": 403}
"""The same where the hub refuses tokens; a server goes on with what it knows (cache_max_age)."""

pytestmark = pytest.mark.topology("lab", "identity-provider")


@asynccontextmanager
async def without_account(lab: LiveLab, user: str) -> AsyncIterator[None]:
    """The provider does not know this user for a block; the program goes on."""
    text = await lab.run(PROVIDER, "cat", f"{ETC}/accounts.json")
    left = {name: value for name, value in json.loads(text).items() if name != user}
    await put_accounts(lab, json.dumps(left))
    try:
        yield
    finally:
        await put_accounts(lab, text)


async def put_accounts(lab: LiveLab, text: str) -> None:
    file = File("accounts.json", text.encode(), mode=0o600, uid=PROVIDER_UID)
    await lab.put_files(PROVIDER, ETC, [file])


async def until_page_is(alice: Alice, wanted: str) -> None:
    """Until the last refresh is old enough, and the next one has the answer."""

    async def so() -> bool:
        return await alice.page() == wanted

    await until(so, what=f"a page that leads to {wanted}")


@pytest.mark.finding(
    "Once a refresh is refused, each request by token asks the provider twice",
    project="jupyterhub",
    steps="OAuthenticator with enable_auth_state; close the account at the provider; the user's "
    "API token at the hub, again and again, when auth_refresh_age is over.",
    expected="A question an auth_refresh_age at most: 'the max age (in seconds) of authentication "
    "info before forcing a refresh' (documentation of auth_refresh_age).",
    seen="Userinfo (401) and refresh token (400) for each request, for only a refresh that "
    "succeeds resets the age. All tokens of the user are good for ever meanwhile, as "
    "auth_refresh_strict = False says.",
)
@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STRICT, [False, True])
async def test_an_account_that_is_gone(lab: LiveLab, case: Case) -> None:
    """Pages go to the sign-in; tokens go on unless that is strict, and each request of one asks
    the provider twice; the server runs, and goes on with whom it knows.
    """
    alice = await with_server(lab)
    async with without_account(lab, "alice"):
        await until_page_is(alice, SIGN_IN)
        assert await alice.seen() == (TOKENS_REFUSED if case[STRICT] else GOES_ON)
        before = len(await asked_by_hub(lab))
        for _ in range(3):
            await status_for(lab, AT_HUB, alice.known.text)
        assert (await asked_by_hub(lab))[before:] == REFUSED * 3
        assert str(await server_state(lab, "alice")) == "ready"
        assert await status_of(lab, alice.browser) == 302
    assert (await sign_in(lab, alice.browser)).status == 302
    assert await alice.page() == "200"


async def message_for(lab: LiveLab, token: Token) -> object:
    """What the hub's API says of a refusal."""
    headers = (("Authorization", f"token {token.text}"),)
    answer = await ask(lab, Ask(AT_HUB, headers=headers), fresh_browser(lab))
    return json.loads(answer.body)["message"]


@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [1])
@pytest.mark.sabotage(AGE, FOR_ALL_TIME)
async def test_a_provider_that_is_down(lab: LiveLab) -> None:
    """Pages go to the sign-in, and the hub refuses tokens without a word; the server goes on with
    whom it knows. The provider comes back and has forgotten her: that is a refusal, and tokens
    are good again, but for the one that the server asked about meanwhile.
    """
    alice = await with_server(lab)
    await lab.programs.end(PROVIDER)
    try:
        await until_page_is(alice, SIGN_IN)
        assert await alice.seen() == TOKENS_REFUSED
        assert await message_for(lab, alice.known) is None
        assert "Connection refused" in await lab.hub_log()
    finally:
        await lab.programs.restart(PROVIDER)
    assert await alice.seen() == {**GOES_ON, "server, new token": 403}
    assert (await sign_in(lab, alice.browser)).status == 302
    assert await alice.page() == "200"


@pytest.mark.slow
@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [1])
@pytest.mark.sabotage(STRICT, True)
async def test_a_key_that_is_another_one(lab: LiveLab) -> None:
    """A hub that was restarted with another key cannot read what it keeps: it asks the provider
    nothing, and that is a refusal. The next sign-in mends it.
    """
    alice = await with_server(lab)
    old = (await lab.run("hub", "cat", f"{KEY_FOLDER}/{KEY}")).strip()
    await put_key(lab, secrets.token_hex(32))
    try:
        before = await asked_by_hub(lab)
        await until_page_is(alice, SIGN_IN)
        assert await alice.seen() == GOES_ON
        assert await asked_by_hub(lab) == before
        assert (await sign_in(lab, alice.browser)).status == 302
        assert await alice.page() == "200"
    finally:
        await put_key(lab, old)


async def put_key(lab: LiveLab, key: str) -> None:
    """Have the hub run with a key."""
    lab.hide(key)
    await lab.put_files("hub", KEY_FOLDER, [File(KEY, key.encode(), mode=0o600)])
    await lab.programs.restart("hub")
    await lab.forget_hub()


async def start_by_api(lab: LiveLab, token: Token) -> int:
    """Her own token asks the hub's API to start her server."""
    headers = (("Authorization", f"token {token.text}"),)
    wanted = Ask("/hub/api/users/alice/server", "POST", headers, b"{}")
    return (await ask(lab, wanted, fresh_browser(lab))).status


@pytest.mark.slow
@pytest.mark.finding(
    "refresh_pre_spawn does not stop a start by API",
    project="jupyterhub",
    steps="refresh_pre_spawn = True; close the account at the identity provider; start the user's "
    "server with the user's own API token.",
    expected="403: 'If refresh_user cannot refresh the user auth data, launch will fail until the "
    "user logs in again' (documentation of refresh_pre_spawn).",
    seen="The server starts: a token's request goes on with stale auth (auth_refresh_strict = "
    "False, handlers/base.py, refresh_auth). A start from a page is refused, by a 500.",
)
@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(AGE, [FOR_ALL_TIME])
@pytest.mark.matrix(BEFORE_SPAWN, [True, False])
async def test_a_refresh_before_each_spawn(lab: LiveLab, case: Case) -> None:
    """A start from a page asks the provider once; without the account it is 500 and starts
    nothing, and a start by token is as good as ever. Without the setting nobody asks.
    """
    asks = case[BEFORE_SPAWN] is True
    browser = fresh_browser(lab)
    assert (await sign_in(lab, browser)).status == 302
    assert await status_of(lab, browser) == 200
    token = await make_token(lab)
    before = len(await asked_by_hub(lab))
    assert await start_by_form(lab, browser) == 302
    await until_state(lab, "alice", "ready")
    assert (await asked_by_hub(lab))[before:] == [USERINFO] * asks
    await lab.stop("alice")
    async with without_account(lab, "alice"):
        before = len(await asked_by_hub(lab))
        assert await start_by_form(lab, browser) == (500 if asks else 302)
        if not asks:
            await until_state(lab, "alice", "ready")
            await lab.stop("alice")
        assert str(await server_state(lab, "alice")) == "stopped"
        assert await start_by_api(lab, token) in (201, 202)
        await until_state(lab, "alice", "ready")
        assert ((await asked_by_hub(lab))[before : before + 2] == REFUSED) == asks
        assert (len(await asked_by_hub(lab)) > before) == asks
