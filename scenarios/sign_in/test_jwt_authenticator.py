"""An authenticator of twenty lines takes a JWT once, at the form or for an API token.

Why it matters: the issuer is on another host, so its key, its clock and its idea of whom a token is
for meet the hub's. What the hub then hands out, a cookie or an API token, ends by rules of its own
and no more by the JWT's.

Sources:
- JupyterHub documentation, `Authenticator.authenticate`: "Return a username or None"; the form's
  fields are its data; handlers/login.py, `LoginHandler.post`: 302, or 403 and the form again.
- REST API, POST `/users/{name}/tokens`; apihandlers/users.py: "defer to Authenticator for
  identifying the user, can be username+password or an upstream auth token", the body's `auth`; then
  `find_user`: 403 for who is not identified or has no row yet, and for another's tokens.
- RFC 7519, 4.1.3 to 4.1.5: a token for another audience MUST be rejected, "on or after" `exp` it
  MUST NOT be accepted, and before `nbf` neither; "some small leeway, usually no more than a few
  minutes, to account for clock skew" is the reader's choice, and PyJWT's is 0.
- RFC 7515, 5.2: a signature that does not fit makes it invalid.
- jupyterhub/orm.py, `APIToken.new`: no end unless one is asked for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import pytest

from hublab.scenario import ETC, File, LiveLab, clock, table_rows

from .forms import at_the_form
from .json_web_tokens import claims_of, signed
from .tokens import AT_HUB, status_for

JUPYTERHUB_UID = 990
SNIPPET = "hub.snippet"
SKEW = 120

pytestmark = [
    pytest.mark.topology("lab", "jwt"),
    pytest.mark.matrix(SNIPPET, ["jwt_sign_in.py"]),
]


@dataclass(slots=True)
class Issuer:
    """Who signs JWTs for the hub of a lab, with a key that both have."""

    lab: LiveLab
    key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    async def share_key(self) -> None:
        """Bring the key to the hub's host."""
        self.lab.hide(self.key)
        file = File("jwt_key", self.key.encode(), mode=0o600, uid=JUPYTERHUB_UID)
        await self.lab.put_files("hub", ETC, [file])

    def token(self, life: float = 3600, key: str = "", **claims: object) -> str:
        """A token of alice's; a claim that is None is left out."""
        found = {**claims_of("alice", life), **claims}
        text = signed({k: v for k, v in found.items() if v is not None}, key or self.key)
        self.lab.hide(text)
        return text


async def signs_in(lab: LiveLab, token: str) -> int:
    """By the hub's form, with the token in place of a password."""
    return (await at_the_form(lab, username="alice", token=token)).status


async def for_a_token(lab: LiveLab, token: str, user: str = "alice") -> tuple[int, str]:
    """Exchange it for an API token, as a script without a browser does."""
    url = (await lab.hub()).url / "users" / user / "tokens"
    async with (
        lab.channel.session() as session,
        session.post(url, json={"auth": {"token": token}, "note": "exchanged"}) as answer,
    ):
        text = str((await answer.json()).get("token", ""))
    if text:
        lab.hide(text)
    return answer.status, text


async def both_ways(lab: LiveLab, token: str) -> tuple[int, int]:
    """By the form, and for an API token."""
    return await signs_in(lab, token), (await for_a_token(lab, token))[0]


async def refusals(lab: LiveLab) -> list[str]:
    """Why the hub refused a token, each time since its last start."""
    lines = (await lab.hub_log()).splitlines()
    return [line.partition("JWT refused: ")[2].strip() for line in lines if "JWT refused: " in line]


@pytest.mark.sabotage("hub.Authenticator.allow_all", False)
async def test_a_good_token_is_taken_both_ways(lab: LiveLab) -> None:
    """The form first, for the exchange is 403 to whom the hub has never seen; then a token of the
    hub's own, without an end; never one of another user's.
    """
    issuer = Issuer(lab)
    await issuer.share_key()
    good = issuer.token()
    assert (await for_a_token(lab, good))[0] == 403
    assert await signs_in(lab, good) == 302
    status, text = await for_a_token(lab, good)
    assert (status, await status_for(lab, AT_HUB, text)) == (201, 200)
    (row,) = [row for row in await table_rows(lab, "api_tokens") if row["note"] == "exchanged"]
    assert row["expires_at"] is None
    await (await lab.hub()).ensure_user("bob")
    assert (await for_a_token(lab, good, "bob"))[0] == 403
    assert await refusals(lab) == []


@pytest.mark.sabotage("hub.JupyterHub.log_level", "ERROR")
async def test_each_fault_of_a_token_is_refused(lab: LiveLab) -> None:
    """Past its end, another key, another audience, no audience, no end: each by its name."""
    issuer = Issuer(lab)
    await issuer.share_key()
    faults = {
        "ExpiredSignatureError": issuer.token(life=-10),
        "InvalidSignatureError": issuer.token(key=secrets.token_hex(32)),
        "InvalidAudienceError": issuer.token(aud="another.lab"),
        "MissingRequiredClaimError": issuer.token(aud=None),
        "DecodeError": "not a token",
    }
    for name, token in faults.items():
        before = await refusals(lab)
        assert await both_ways(lab, token) == (403, 403)
        assert (await refusals(lab))[len(before) :] == [name, name]
    assert await both_ways(lab, issuer.token(exp=None)) == (403, 403)
    assert "alice" not in {row["name"] for row in await table_rows(lab, "users")}


@pytest.mark.sabotage("hub.Authenticator.allow_all", False)
async def test_clocks_that_differ(lab: LiveLab) -> None:
    """Two minutes ahead: a token of one minute is over before it comes, one of an hour is good. Two
    minutes behind: a new one is not valid yet, but for one that does not say when it begins.
    """
    issuer = Issuer(lab)
    await issuer.share_key()
    seen = {}
    for ahead in (SKEW, -SKEW):
        async with clock(lab, "hub", ahead=ahead, seconds=300):
            await lab.programs.restart("hub")
            await lab.forget_hub()
            brief, lasting = issuer.token(life=60), issuer.token(life=3600)
            seen[ahead] = [
                await both_ways(lab, token) for token in (brief, lasting, issuer.token(nbf=None))
            ]
            reasons = set(await refusals(lab))
            assert reasons == {"ExpiredSignatureError" if ahead > 0 else "ImmatureSignatureError"}
    good, refused = (302, 201), (403, 403)
    assert seen == {SKEW: [refused, good, good], -SKEW: [refused, refused, good]}
