"""A request with a token and a cookie: the token's at an API, and both's on a page of the hub.

Why it matters: a page's script sends the cookie of whoever has signed in along with the token that
it was given, on any host below the hub's name. Whose request that is decides what it may do, and
whose time of activity moves.

Sources:
- jupyterhub 6.1.1, handlers/base.py, `get_current_user`: by the token, where `_accept_token_auth`
  is true (apihandlers/base.py and the metrics); by the cookie, if there is no user then.
- `get_current_user_token`: records activity of the token, and of its user; `_user_for_cookie`: of
  the cookie's user. `activity_resolution`: 0 records each.
- services/auth.py, `_get_user`: "check token first, ignoring cookies"; "no token, check cookie",
  where the token has no user; singleuser/extension.py, `get_user`: "don't allow even authenticated
  users with no access to this service past this stage".
- scopes.py, `needs_scope`: a page that is for administrators is 403 for others; handlers/base.py,
  `_resolve_roles_and_scopes`: the scopes of the token, if there is one, else those of the user.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hublab.scenario import Ask, Credentials, LiveLab, ask, credentials, table_rows

from .tokens import AT_HUB, AT_SERVER, NOBODYS, Token, make_token

RESOLUTION = "hub.JupyterHub.activity_resolution"
ADMINS_PAGE = "/hub/admin"
CHANGE = "../changes/cookie_before_token.py"

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix(RESOLUTION, [0])]


def beside(who: Credentials, text: str) -> Credentials:
    """A browser that also sends a token."""
    return replace(who, headers={"Authorization": f"token {text}"})


async def names(lab: LiveLab, *whose: Credentials) -> list[str]:
    """The users for whom the hub's API takes these."""
    answers = [await ask(lab, Ask(AT_HUB), who) for who in whose]
    return [json.loads(answer.body)["name"] for answer in answers]


async def statuses(lab: LiveLab, target: str, *whose: Credentials) -> list[int]:
    return [(await ask(lab, Ask(target), who)).status for who in whose]


async def times(lab: LiveLab, token: Token) -> dict[str, object]:
    """When each user and a token were active last, by the hub's rows."""
    found = {str(row["name"]): row["last_activity"] for row in await table_rows(lab, "users")}
    (row,) = [one for one in await table_rows(lab, "api_tokens") if f"a{one['id']}" == token.number]
    return {**found, "token": row["last_activity"]}


@pytest.mark.finding(
    "A page of the hub refuses an administrator because of a token beside the cookie",
    project="jupyterhub",
    steps="Sign in as an administrator; GET /hub/admin with the cookie, and once more with the "
    "header 'Authorization: token …' of a token of alice's beside it.",
    expected="The page both times: pages take no tokens (`_accept_token_auth` is False), so the "
    "request is the cookie's.",
    seen="403 'Action is not authorized with current scopes' the second time. The page takes the "
    "user from the cookie, and what the user may do from the token: get_current_user heeds "
    "_accept_token_auth, and _resolve_roles_and_scopes does not.",
)
@pytest.mark.sabotage("hub.snippet", CHANGE)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/pages_take_no_tokens.py", sentence="what they may do is the token's"
)
async def test_whose_request_it_is(lab: LiveLab) -> None:
    """The token's at the API of hub and server, refused where its user may not go. On a page of the
    hub the user is the cookie's, and what they may do is the token's. A token that nobody has
    counts for nothing, and leaves it to the cookie.
    """
    await lab.spawn("alice", on="node1")
    alice = await lab.enter(credentials(lab, "alice", server=""))
    admin = await lab.enter(credentials(lab, "admin"))
    hers, bobs = (await make_token(lab)).text, (await make_token(lab, "bob")).text
    assert await names(lab, beside(alice, bobs), beside(admin, hers)) == ["bob", "alice"]
    assert await names(lab, beside(alice, NOBODYS)) == ["alice"]
    several = alice, admin, beside(admin, NOBODYS), beside(admin, hers)
    assert await statuses(lab, ADMINS_PAGE, *several) == [403, 200, 200, 403]
    mixed = beside(alice, bobs), beside(alice, NOBODYS), beside(admin, hers)
    assert await statuses(lab, AT_SERVER, *mixed) == [403, 200, 200]


@pytest.mark.sabotage("hub.snippet", CHANGE)
async def test_whose_activity_it_is(lab: LiveLab) -> None:
    """At the API the token's and its user's time moves, and not that of the cookie's user."""
    alice, token = await lab.enter(credentials(lab, "alice")), await make_token(lab, "bob")
    before = await times(lab, token)
    await ask(lab, Ask(AT_HUB), beside(alice, token.text))
    after = await times(lab, token)
    assert {name for name, last in after.items() if last != before[name]} == {"bob", "token"}
