"""A token goes into the header Authorization; in an address it counts only where that is allowed.

Why it matters: an address is written down by each host on the way, the proxy, whatever stands in
front of it, the browser's history. Instructions from before JupyterHub 4.1 put the token there, and
each of hub, its pages and servers then answers in its own way, none of which names the cause.

Sources:
- RFC 6750, 2.1 to 2.3: the header "Bearer" is the way; an address "SHOULD NOT be used".
- JupyterHub documentation, REST API: `Authorization: token <token>`;
  jupyterhub/handlers/base.py, `auth_header_pat`: `token` or `bearer`, in any case.
- handlers/base.py, `_accept_token_auth`: False but for the API (apihandlers/base.py), so a page of
  the hub is as without a token: the sign-in.
- services/auth.py, `HubAuth.allow_token_in_url`: "This allows starting a user session by sharing a
  URL with credentials"; "If False, tokens in URLs will be ignored"; JUPYTERHUB_ALLOW_TOKEN_IN_URL;
  "changed in 5.0: default changed to False"; the hub itself never looks there.
- `_persist_url_token_if_set`: a page that was opened so keeps the token in the server's cookie.
- jupyter_server, base/handlers.py, `APIHandler.get_login_url`: 403 in place of a sign-in.
"""

from __future__ import annotations

import base64

import pytest

from hublab.scenario import NAVIGATE, Ask, Case, LiveLab, ask, fresh_browser

from .oauth_steps import AUTHORIZE, path_of
from .tokens import AT_HUB, AT_SERVER, make_token

ENVIRONMENT = "hub.Spawner.environment"
ALLOWED = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}
HUB_PAGE, SERVER_PAGE = "/hub/home", "/user/alice/lab"
COOKIE = "jupyterhub-user-alice"
PAGE = tuple(NAVIGATE.items())

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix(ENVIRONMENT, [{}, ALLOWED])]


def ways(text: str) -> dict[str, str]:
    """Name of each way in a header -> the header's value."""
    basic = base64.b64encode(f"alice:{text}".encode()).decode()
    return {
        "token": f"token {text}",
        "Bearer": f"Bearer {text}",
        "BEARER": f"BEARER {text}",
        "Basic": f"Basic {basic}",
        "bare": text,
    }


def expected(way: str, target: str, *, allowed: bool) -> tuple[int, str]:
    """What is answered, by the sources, and where that leads: 302 is the way to the sign-in."""
    takes = way in ("token", "Bearer", "BEARER") and target != HUB_PAGE
    in_address = way == "address" and allowed and target in (AT_SERVER, SERVER_PAGE)
    if takes or in_address:
        return 200, ""
    sign_in = {HUB_PAGE: "/hub/login", SERVER_PAGE: AUTHORIZE}.get(target, "")
    return 302 if sign_in else 403, sign_in


async def test_where_a_token_counts(lab: LiveLab, case: Case) -> None:
    """Six ways and none, at the API and a page of the hub, at the API and a page of a server."""
    await lab.spawn("alice", on="node1")
    text = (await make_token(lab)).text
    lab.hide(base64.b64encode(f"alice:{text}".encode()).decode())
    allowed, seen = case[ENVIRONMENT] == ALLOWED, {}
    for target in (AT_HUB, HUB_PAGE, AT_SERVER, SERVER_PAGE):
        asked = {
            name: Ask(target, headers=(("Authorization", v),)) for name, v in ways(text).items()
        }
        asked |= {"address": Ask(f"{target}?token={text}"), "none": Ask(target)}
        for way, wanted in asked.items():
            answer = await ask(lab, wanted, fresh_browser(lab))
            seen[way, target] = (answer.status, path_of(answer))
    assert seen == {cell: expected(*cell, allowed=allowed) for cell in seen}


async def test_an_address_with_a_token_begins_a_session(lab: LiveLab, case: Case) -> None:
    """Where it is allowed the token goes into a cookie, which then opens the server alone."""
    await lab.spawn("alice", on="node1")
    text, who = (await make_token(lab)).text, fresh_browser(lab)
    await ask(lab, Ask(f"{SERVER_PAGE}?token={text}", headers=PAGE), who)
    kept = COOKIE in {morsel.key for morsel in who.jar}
    alone = await ask(lab, Ask(SERVER_PAGE, headers=PAGE), who)
    allowed = case[ENVIRONMENT] == ALLOWED
    assert (kept, alone.status) == (allowed, 200 if allowed else 302)
