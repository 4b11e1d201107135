"""A sign-in at an identity provider that the provider, the hub or the browser spoils.

Why it matters: the person has typed a good password on one host, and another host says no. What its
page says, whether trying again helps, and in whose log the reason stands, differs each time.

Sources:
- RFC 6749, 4.1.2.1: the provider tells of an error by the browser, with `error` and
  `error_description`; 5.2: at the token endpoint it "responds with an HTTP 400 (Bad Request) status
  code" and the same two fields.
- oauthenticator 17.4.0, oauth2.py: `check_error`: 400 with the description; `user_info_to_username`
  names the claim; `get_token_info`: "An access token was not returned" and 403 for an answer with
  an `error_description`; `fetch` raises HTTPClientError for each status of 400 and more;
  `STATE_COOKIE_NAME` is one name, and `get_state_cookie` clears it; `custom_403_message`.
- oauthenticator 17.4.0, `allowed_users`: "If unspecified, grants no access"; "Any usernames in
  `admin_users` will also be allowed to login".
- OpenID Connect Core 1.0, 5.4: `preferred_username` comes with the scope `profile`; 3.1.2.1:
  `openid` is the scope that must be there.
- jupyterhub 6.1.1, auth.py, `check_allow_config`: a warning at the start where no setting allows
  anybody; services/auth.py, `get_state_cookie_name`: its own name for each state.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, Credentials, LiveLab, fresh_browser, table_rows

from .identity_provider import (
    PROVIDER,
    STATE_COOKIE,
    asked_by_hub,
    go_on,
    send_form,
    sign_in,
    status_of,
    until_callback,
    until_form,
)
from .oauth_steps import names

CLASS = "hub.GenericOAuthenticator"
SCOPE, SECRET = f"{CLASS}.scope", f"{CLASS}.client_secret"
ALLOW_ALL = "hub.Authenticator.allow_all"
MISMATCH, MISSING = b"OAuth state mismatch", b"OAuth state missing from cookies"

pytestmark = pytest.mark.topology("lab", "identity-provider")


async def users(lab: LiveLab) -> set[object]:
    return {row["name"] for row in await table_rows(lab, "users")}


async def signs_in(lab: LiveLab, who: Credentials, user: str = "alice") -> bool:
    """Whether a browser gets into the hub by its link."""
    return (await sign_in(lab, who, user)).status == 302 and await status_of(lab, who) == 200


@pytest.mark.finding(
    "A claim that is missing is an internal error for the user",
    project="oauthenticator",
    steps="GenericOAuthenticator with username_claim = preferred_username and a scope that does "
    "not bring it (openid alone); sign in.",
    expected="A page that says what is wrong: 'No preferred_username found … Maybe the hub needs "
    "to be configured to request more scopes?' (oauth2.py, user_info_to_username).",
    seen="500 Internal Server Error without a word of it: the ValueError is not a web.HTTPError. "
    "The hub's log has the claim, and all other claims of the user with it.",
)
@pytest.mark.matrix(SCOPE, [["openid", "profile"], ["openid"]])
async def test_a_claim_that_does_not_come(lab: LiveLab, case: Case) -> None:
    """The hub has got tokens and claims and says 500; only its log names the claim; no row."""
    came = case[SCOPE] == ["openid", "profile"]
    before = len(await asked_by_hub(lab))
    answer = await sign_in(lab, fresh_browser(lab))
    assert answer.status == (302 if came else 500)
    assert b"preferred_username" not in answer.body
    assert ("No preferred_username found in {'sub': 'alice'}" in await lab.hub_log()) != came
    assert (await asked_by_hub(lab))[before:] == [("POST /token", 200), ("GET /me", 200)]
    assert ("alice" in await users(lab)) == came


@pytest.mark.issue(
    "zero-to-jupyterhub-k8s#3332",
    happens=True,
    workaround="allow_all = True, or another rule that allows",
)
@pytest.mark.matrix(ALLOW_ALL, [True, False])
async def test_who_is_not_allowed(lab: LiveLab, case: Case) -> None:
    """Each has signed in at the provider: an administrator gets in, alice is 403 with the hub's
    message and without a row. At its start the hub has only warned.
    """
    allowed = case[ALLOW_ALL] is True
    assert ("possible that nobody can login" in await lab.hub_log()) != allowed
    answer = await sign_in(lab, fresh_browser(lab))
    assert answer.status == (302 if allowed else 403)
    assert (b"not currently authorized to use this hub" in answer.body) != allowed
    assert ("alice" in await users(lab)) == allowed
    who = fresh_browser(lab)
    form = await until_form(lab, who)
    fields = {"username": "admin", "password": await lab.secret("admin_password")}
    assert (await go_on(lab, who, await until_callback(lab, who, form, **fields))).status == 302
    assert await status_of(lab, who) == 200


@pytest.mark.sabotage(ALLOW_ALL, False)
async def test_a_wrong_password_or_a_change_of_mind(lab: LiveLab) -> None:
    """A wrong password never leaves the provider. A cancelled sign-in comes back as an error: 400
    with the provider's words; the hub asks the provider nothing; the link then works again.
    """
    who, before = fresh_browser(lab), await asked_by_hub(lab)
    form = await until_form(lab, who)
    wrong = await send_form(lab, who, form, username="alice", password="not-hers")
    assert wrong.status == 403
    cancelled = await go_on(lab, who, await until_callback(lab, who, form, cancel="yes"))
    assert cancelled.status == 400
    assert b"OAuth error: the user has cancelled the sign-in" in cancelled.body
    assert await asked_by_hub(lab) == before
    assert await status_of(lab, who) == 302
    assert "alice" not in await users(lab)
    assert await signs_in(lab, who)


@pytest.mark.finding(
    "Of two sign-ins in one browser the older one spoils both",
    project="oauthenticator",
    steps="Open the hub's sign-in in two tabs, up to the provider's form; finish the one that was "
    "opened first, then the other.",
    expected="The second tab signs in: each has a state of its own in its address. JupyterHub's "
    "own servers keep a cookie for each state (services/auth.py, get_state_cookie_name).",
    seen="400 'OAuth state mismatch' in the first tab, which also takes the one cookie for all "
    "states back, so that the second is 400 'OAuth state missing from cookies'. The other way "
    "round the newer tab is signed in, and the older one shows the 400 to a user who is.",
)
@pytest.mark.sabotage(ALLOW_ALL, False)
async def test_two_tabs(lab: LiveLab) -> None:
    """The older one first: both are 400, nobody is signed in. The newer one first: that signs in,
    and the older one is 400 nevertheless. The link helps in either case.
    """
    seen = {}
    for order in ("older first", "newer first"):
        who = fresh_browser(lab)
        older, newer = [await until_form(lab, who) for _ in range(2)]
        tabs = [older, newer] if order == "older first" else [newer, older]
        ends = [await go_on(lab, who, await until_callback(lab, who, tab)) for tab in tabs]
        words = [next((w for w in (MISMATCH, MISSING) if w in end.body), b"") for end in ends]
        statuses = [end.status for end in ends]
        seen[order] = (statuses, words, await status_of(lab, who), names(who) & {STATE_COOKIE})
        assert await signs_in(lab, who)
    assert seen == {
        "older first": ([400, 400], [MISMATCH, MISSING], 302, set()),
        "newer first": ([302, 400], [b"", MISSING], 200, set()),
    }


@pytest.mark.finding(
    "An error of the token endpoint is an internal error for the user",
    project="oauthenticator",
    steps="A wrong client_secret, or a provider that was restarted and does not know its code any "
    "more; sign in.",
    expected="403 'An access token was not returned: …' with the provider's description "
    "(oauth2.py, get_token_info).",
    seen="500 Internal Server Error. The lines for it look for `error_description` in an answer "
    "with status 200, but RFC 6749, 5.2, wants 400 or 401 for an error, which `fetch` has raised "
    "before. The description is in the hub's log alone.",
)
@pytest.mark.matrix(SECRET, ["not-the-secret"])
@pytest.mark.sabotage(f"{CLASS}.oauth_callback_url", "http://elsewhere.invalid/hub/oauth_callback")
async def test_a_client_secret_that_is_wrong(lab: LiveLab) -> None:
    """The person signs in at the provider; the hub is told 401 there and tells her 500."""
    before = len(await asked_by_hub(lab))
    answer = await sign_in(lab, fresh_browser(lab))
    assert answer.status == 500
    assert b"invalid_client" not in answer.body
    assert "client authentication failed" in await lab.hub_log()
    assert (await asked_by_hub(lab))[before:] == [("POST /token", 401)]


@pytest.mark.sabotage(ALLOW_ALL, False)
async def test_who_goes_away_in_the_middle(lab: LiveLab) -> None:
    """A hub that was restarted meanwhile takes the code. A provider that was knows neither form
    nor code: 400 there, or 500 at the hub; one that is down is 500 at the hub. The link helps.
    """
    who = fresh_browser(lab)
    back = await until_callback(lab, who, await until_form(lab, who))
    await lab.programs.restart("hub")
    await lab.forget_hub()
    assert (await go_on(lab, who, back)).status == 302

    who, before = fresh_browser(lab), await asked_by_hub(lab)
    form = await until_form(lab, who)
    await lab.programs.restart(PROVIDER)
    assert (await send_form(lab, who, form)).status == 400
    assert await asked_by_hub(lab) == before

    back = await until_callback(lab, who, await until_form(lab, who))
    await lab.programs.restart(PROVIDER)
    assert (await go_on(lab, who, back)).status == 500
    assert (await asked_by_hub(lab))[len(before) :] == [("POST /token", 400)]
    assert "invalid_grant" in await lab.hub_log()

    back = await until_callback(lab, who, await until_form(lab, who))
    await lab.programs.end(PROVIDER)
    try:
        assert (await go_on(lab, who, back)).status == 500
    finally:
        await lab.programs.restart(PROVIDER)
    assert len(await asked_by_hub(lab)) == len(before) + 1
    assert await signs_in(lab, who)
