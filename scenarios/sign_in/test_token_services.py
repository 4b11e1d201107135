"""A service on a host of its own takes a token in the header, and asks the hub whose it is.

Why it matters: a script that has a token for the hub uses it at everything that is behind the hub.
A service has no table of users; whom it lets in is decided on the hub's host, by a scope, and what
it answers to the others differs: a sign-in for who is unknown, a refusal for who is known.

Sources:
- JupyterHub documentation, "Services", "Hub authentication and services": `HubOAuthenticated`, by
  token in the header or by cookie; `HubAuth.access_scopes`: "access:services!service=NAME", and one
  must be held.
- jupyterhub 6.1.1, services/auth.py, `get_token`: the header, and the address where
  `allow_token_in_url` is on ("changed in 5.0: default changed to False"); `check_hub_user`: a user
  without the scope is 403; tornado, `authenticated`: nobody is led to the sign-in.
- `_check_hub_authorization`: one question for each token, the answer is kept.
- Scopes of a token: "RBAC, technical implementation", an intersection with those of its owner.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Ask, Case, LiveLab, ask, fresh_browser

from .boards import ROLES, SERVICES, Board, access_for_all, running
from .oauth_steps import AUTHORIZE, path_of
from .tokens import NOBODYS, make_token, questions_of

BOARD = Board("board", "node2", 9001)
MAY = access_for_all(BOARD)
SCOPE = "access:services!service=board"

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix(SERVICES, [[BOARD.spec]]),
]


@pytest.mark.matrix(ROLES, [MAY, []])
async def test_where_a_token_counts_at_a_service(lab: LiveLab, case: Case) -> None:
    """In the header, by either word, if its owner may use the service and the token may, too; 403
    if not. In the address, or one that nobody has: the way to the sign-in. One question a token.
    """
    may = case[ROLES] == MAY
    whole, narrow = (await make_token(lab)).text, (await make_token(lab, scopes=[])).text
    headers = {
        "token": ("Authorization", f"token {whole}"),
        "Bearer": ("Authorization", f"Bearer {whole}"),
        "narrow": ("Authorization", f"token {narrow}"),
        "nobody's": ("Authorization", f"token {NOBODYS}"),
    }
    wanted = {name: Ask(BOARD.prefix, headers=(header,)) for name, header in headers.items()}
    wanted["address"] = Ask(f"{BOARD.prefix}?token={whole}")
    async with running(lab, BOARD, "dave"):
        answers = {name: await ask(lab, one, fresh_browser(lab)) for name, one in wanted.items()}
        asked = await questions_of(lab, "node2")
    seen = {name: answer.status for name, answer in answers.items()}
    good = 200 if may else 403
    assert seen == {
        "token": good,
        "Bearer": good,
        "narrow": 403,
        "nobody's": 302,
        "address": 302,
    }
    assert (answers["token"].body == b'{"name": "alice"}') == may
    assert {path_of(answers[name]) for name in ("nobody's", "address")} == {AUTHORIZE}
    assert asked == [200, 200, 403]


@pytest.mark.matrix(ROLES, [MAY])
@pytest.mark.sabotage(ROLES, [])
async def test_a_token_for_one_service(lab: LiveLab) -> None:
    """With that scope alone it opens the service, and nothing of the hub but its owner's name."""
    token = (await make_token(lab, scopes=[SCOPE])).text
    header = (("Authorization", f"token {token}"),)
    async with running(lab, BOARD, "dave"):
        targets = (BOARD.prefix, "/hub/api/user", "/hub/api/users/alice/tokens")
        answers = [await ask(lab, Ask(one, headers=header), fresh_browser(lab)) for one in targets]
    assert [answer.status for answer in answers] == [200, 200, 403]
