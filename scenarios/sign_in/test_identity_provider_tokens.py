"""An identity provider's tokens at the hub: what is signed, what is kept, by whose clock they hold.

Why it matters: an ID token says until when it holds by the clock of one host, and another one looks
at it, or does not: that depends on a setting that is about names. What a hub keeps of the tokens is
as good as the user's password at the provider for as long as they live.

Sources:
- OpenID Connect Core 1.0, 2: `iss`, `aud`, `exp`, `iat`; 3.1.3.7: "The current time MUST be before
  the time represented by the exp Claim"; 15.1: signed by RS256 by default; 5.4: with an access
  token the claims of `profile` come from userinfo, not in the ID token; 5.3: userinfo is asked with
  the access token, which the provider itself judges.
- OpenID Connect Discovery 1.0, 3: `jwks_uri` has the keys.
- oauthenticator 17.4.0, `userdata_from_id_token`: "Extract user details from an id token […],
  rather than making a follow-up request to the userinfo endpoint"; oauth2.py, `token_to_user`:
  `verify_exp`, and "Unable to decode id token"; `build_auth_state_dict`: what is kept.
- JupyterHub documentation, "Authenticators": auth_state is "encrypted and stored in the Hub's
  database"; scope `admin:auth_state`: "Read a user's authentication state."
- RFC 6265, 5.3: a cookie whose `expires` is in the past by the browser's clock is removed.
"""

from __future__ import annotations

import json
import time

import pytest

from hublab.scenario import (
    PYTHON,
    Ask,
    LiveLab,
    ask,
    clock,
    fresh_browser,
)

from .identity_provider import (
    PROVIDER,
    go_on,
    heard,
    put_options,
    sign_in,
    status_of,
    until_callback,
    until_form,
)
from .tokens import make_token

CLASS = "hub.GenericOAuthenticator"
FROM_TOKEN, USERINFO = f"{CLASS}.userdata_from_id_token", f"{CLASS}.userdata_url"
CLAIM, STATE, ROLES = f"{CLASS}.username_claim", f"{CLASS}.enable_auth_state", "load_roles"
READER = {"name": "reader", "services": ["hublab"], "scopes": ["admin:auth_state"]}
LIFE, SKEW, MUCH = 300, 600, 7200
"""Seconds: an ID token's life; a clock wrong by more; by more than the form's cookie lives."""
KEPT = {"access_token", "refresh_token", "id_token", "scope", "token_response", "oauth_user"}
VERIFY = """
import base64, json, os, jwt
token = os.environ["ID_TOKEN"]
key = jwt.PyJWKClient("http://provider:9000/jwks").get_signing_key_from_jwt(token).key
def read(text):
    return jwt.decode(text, key, algorithms=["RS256"], audience="jupyterhub")
head, body, proof = token.split(".")
other = base64.urlsafe_b64encode(json.dumps({"sub": "bob"}).encode()).rstrip(b"=").decode()
try:
    changed = read(".".join((head, other, proof)))
except jwt.InvalidTokenError as error:
    changed = type(error).__name__
print(json.dumps({"claims": read(token), "changed": changed}))
"""
"""On the hub's host, with oauthenticator's PyJWT: the claims of a token with a good signature, and
what becomes of one with another body."""

pytestmark = pytest.mark.topology("lab", "identity-provider")


@pytest.mark.matrix(STATE, [True])
@pytest.mark.matrix(f"hub.JupyterHub.{ROLES}", [[READER]])
@pytest.mark.sabotage(STATE, False)
async def test_what_the_hub_keeps(lab: LiveLab) -> None:
    """All tokens of the provider, encrypted, and only for who may ask. The ID token is signed with
    a key that the provider publishes, and has no name but the subject.
    """
    assert (await sign_in(lab, fresh_browser(lab))).status == 302
    kept = (await (await lab.hub()).get("users/alice"))["auth_state"]
    assert kept.keys() == KEPT
    assert kept["oauth_user"]["preferred_username"] == "alice"
    for name in ("access_token", "refresh_token", "id_token"):
        lab.hide(kept[name])
    database = await lab.read_file("hub", "/srv/jupyterhub/jupyterhub.sqlite") or b""
    assert b"alice" in database
    assert kept["access_token"].encode() not in database
    headers = (("Authorization", f"token {(await make_token(lab)).text}"),)
    own = await ask(lab, Ask("/hub/api/users/alice", headers=headers), fresh_browser(lab))
    assert (own.status, "auth_state" in json.loads(own.body)) == (200, False)

    environment = {"ID_TOKEN": kept["id_token"]}
    done = await lab.exec("hub", PYTHON, "-c", VERIFY, environment=environment)
    seen = json.loads(done.stdout)
    claims = seen["claims"]
    assert (claims["iss"], claims["aud"]) == ("http://provider:9000", "jupyterhub")
    assert claims["sub"] == "alice"
    assert "preferred_username" not in claims
    assert claims["iat"] <= time.time() + 1 < claims["exp"]
    assert seen["changed"] == "InvalidSignatureError"


async def sign_ins(lab: LiveLab, *skews: int) -> dict[int, tuple[str, int]]:
    """Who ends a sign-in, and how, for each of these clocks of the provider."""
    found = {}
    for ahead in skews:
        try:
            async with clock(lab, PROVIDER, ahead=ahead, seconds=120):
                await put_options(lab, {"ttl": {"IdToken": LIFE}})
                found[ahead] = await end_of_sign_in(lab)
        finally:
            # A running Node does not bear that its clock is set back.
            await put_options(lab, {})
    return found


async def end_of_sign_in(lab: LiveLab) -> tuple[str, int]:
    """Who has the last word, with which status; a 500 shows the ID token."""
    who = fresh_browser(lab)
    form = await until_form(lab, who)
    if form.status != 200:
        return PROVIDER, form.status
    answer = await go_on(lab, who, await until_callback(lab, who, form))
    assert (b"Unable to decode id token: ey" in answer.body) == (answer.status == 500)
    assert await status_of(lab, who) == (200 if answer.status == 302 else 302)
    return "hub", answer.status


async def by_hub(lab: LiveLab) -> list[str]:
    """What the hub has asked the provider for."""
    return [one.request for one in await heard(lab) if one.host == "hub"]


@pytest.mark.finding(
    "An ID token that has expired is shown to the user, whole",
    project="oauthenticator",
    steps="userdata_from_id_token = True; the provider's clock is behind the hub's by more than "
    "the life of an ID token; sign in.",
    expected="A refusal that says that a clock is wrong, and keeps the token to itself.",
    seen="500 'Unable to decode id token:', then the signed token itself, as the page's headline "
    "and in the hub's log (oauth2.py, token_to_user). A screenshot for the helpdesk holds it.",
)
@pytest.mark.slow
@pytest.mark.matrix(CLAIM, ["sub"])
@pytest.mark.matrix(FROM_TOKEN, [True])
@pytest.mark.matrix(USERINFO, [""])
@pytest.mark.sabotage(CLAIM, "email")
async def test_a_hub_that_reads_the_id_token(lab: LiveLab) -> None:
    """A provider whose clock is behind by more than a token's life is 500, with the token on the
    page and in the log; one that is ahead by as much is not noticed. Userinfo is not asked.
    """
    before = len(await by_hub(lab))
    assert await sign_ins(lab, -SKEW, SKEW) == {-SKEW: ("hub", 500), SKEW: ("hub", 302)}
    assert "Unable to decode id token: ey" in await lab.hub_log()
    assert (await by_hub(lab))[before:] == ["POST /token"] * 2


@pytest.mark.slow
@pytest.mark.matrix(CLAIM, ["sub"])
@pytest.mark.sabotage(CLAIM, "email")
async def test_a_hub_that_asks_userinfo(lab: LiveLab) -> None:
    """No such clock is noticed, for the ID token is not looked at. Behind by two hours the sign-in
    ends at the provider: the browser has thrown its cookies away, and the hub never hears of it.
    """
    before = await by_hub(lab)
    assert await sign_ins(lab, -MUCH) == {-MUCH: (PROVIDER, 400)}
    assert await by_hub(lab) == before
    seen = await sign_ins(lab, -SKEW, SKEW, MUCH)
    assert seen == dict.fromkeys((-SKEW, SKEW, MUCH), ("hub", 302))
