"""Each step of a sign-in at a server leaves its row: a client, a code for one use, a token.

Why it matters: the browser walks between two hosts, and the server asks the hub on a way of its
own. Which step failed can be told from the rows that are there: no client, the server was not
started by this hub; a code that stays, the server never reached the hub; a token, all is well on
that side.

Sources:
- RFC 6749, 4.1: authorization request, code, access token request by the client itself.
- RFC 7636, 4.2 and 4.3: code_challenge and its method S256.
- jupyterhub 6.1.1, user.py, `User.spawn`: `oauth_provider.add_client` before hooks and
  `Spawner.start`; `User.stop`: "remove oauth client as well"; orm.py: tokens and codes go with it.
- oauth/provider.py, `save_authorization_code`: "oauth has 5 minutes to complete";
  `invalidate_authorization_code` after use; `save_bearer_token`: the token has the code's session.
- JupyterHub documentation, `oauth_token_expires_in`: "The default is to expire when the cookie
  storing them expires, according to `cookie_max_age_days`", which is two weeks.
- services/auth.py, `HubOAuthCallbackHandler.get`: the server exchanges the code, asks whose token
  that is and keeps the answer; `set_cookie`: the cookie holds the token.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from hublab.scenario import (
    Case,
    DatabaseReader,
    LiveLab,
    credentials,
    flag_file,
    hub_accesses,
    until,
    until_ready,
)

from .oauth_steps import (
    AUTHORIZE,
    CALLBACK,
    CLIENT,
    PAGE,
    STATE_COOKIE,
    leads_to,
    names,
    open_page,
    parameters,
    path_of,
)
from .tokens import AT_HUB

LIFE = "hub.JupyterHub.oauth_token_expires_in"
TWO_WEEKS = 14 * 24 * 3600
MOST_LATE = 60
"""Seconds by which a busy machine may be late between a row's making and a look at it."""

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["../spawner_states/hooks.py"]),
]


class Rows:
    """The rows of the three tables, read again and again so that equal secrets look equal."""

    def __init__(self, lab: LiveLab) -> None:
        self._reader = DatabaseReader(lab)

    async def read(self) -> tuple[dict[str, Any], list[Any], list[Any]]:
        """Clients by name, codes, and the tokens that belong to alice's server or its client."""
        tables = await self._reader.read()
        tokens = [
            row
            for row in tables["api_tokens"].rows
            if row["client_id"] == CLIENT or str(row["note"]).startswith("Server at")
        ]
        clients = {row["identifier"]: row for row in tables["oauth_clients"].rows}
        return clients, list(tables["oauth_codes"].rows), tokens


@pytest.mark.matrix("hub.JupyterHub.tornado_settings", [{"slow_spawn_timeout": 0}])
@pytest.mark.sabotage("hub.snippet", "../changes/tokens_outlive_the_stop.py")
async def test_the_client_is_there_before_the_server(lab: LiveLab) -> None:
    """Added while the start waits in a hook, with the server's token; both gone after the stop."""
    rows = Rows(lab)
    clients, _, tokens = await rows.read()
    assert (set(clients), tokens) == ({"jupyterhub"}, [])
    hub = await lab.hub()
    await hub.ensure_user("alice")
    async with flag_file(lab, "hub", "pre_spawn_hook-alice"):
        await hub.start_server("alice", "", {"host": "node1"})

        async def held() -> bool:
            return 'HOOK {"hook": "pre_spawn_hook"' in await lab.hub_log()

        await until(held, what="the hook before the start")
        clients, _, tokens = await rows.read()
        assert (await lab.exec("node1", "pgrep", "-u", "alice")).exit_code == 1
        assert set(clients) == {"jupyterhub", CLIENT}
        assert clients[CLIENT]["redirect_uri"] == CALLBACK
        assert clients[CLIENT]["description"] == "Server at /user/alice/"
        assert [(t["note"], t["client_id"]) for t in tokens] == [
            ("Server at /user/alice/", "jupyterhub")
        ]
    await until_ready(lab, "alice")
    await lab.stop("alice")
    clients, _, tokens = await rows.read()
    assert (set(clients), tokens) == ({"jupyterhub"}, [])


@pytest.mark.matrix(LIFE, [TWO_WEEKS, 3600])
@pytest.mark.sabotage(
    "hub.snippet", "../changes/codes_stay.py", sentence="the row that it makes or ends"
)
async def test_a_code_becomes_a_token(lab: LiveLab, case: Case) -> None:
    """Page, authorize, callback, page: what each step sends, and the row that it makes or ends."""
    await lab.spawn("alice", on="node1")
    rows, who = Rows(lab), await lab.enter(credentials(lab, "alice"))

    page = await open_page(lab, who, PAGE)
    asked = parameters(page)
    assert (page.status, path_of(page)) == (302, AUTHORIZE)
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, CALLBACK)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert STATE_COOKIE in names(who)
    _, codes, _ = await rows.read()
    assert codes == []

    authorized = await open_page(lab, who, leads_to(page))
    assert (authorized.status, path_of(authorized)) == (302, CALLBACK)
    given = parameters(authorized)
    assert set(given) == {"code", "state"}
    assert given["state"] == asked["state"]
    _, (code,), tokens = await rows.read()
    assert (code["client_id"], code["redirect_uri"]) == (CLIENT, CALLBACK)
    assert code["code_challenge_method"] == "S256"
    assert 300 - MOST_LATE < code["expires_at"] - time.time() <= 300
    assert [token["client_id"] for token in tokens] == ["jupyterhub"]

    called_back = await open_page(lab, who, leads_to(authorized))
    assert (called_back.status, leads_to(called_back)) == (302, PAGE)
    assert CLIENT in names(who)
    assert STATE_COOKIE not in names(who)
    _, codes, tokens = await rows.read()
    (token,) = [one for one in tokens if one["client_id"] == CLIENT]
    assert codes == []
    assert token["session_id"] == code["session_id"]
    life = datetime.fromisoformat(token["expires_at"]) - datetime.fromisoformat(token["created"])
    assert round(life.total_seconds()) == case[LIFE]
    assert (await open_page(lab, who, PAGE)).status == 200

    node = lab.host("node1").address
    from_node = [one for one in await hub_accesses(lab) if one.address == node]
    own = ("/hub/api/oauth2/token", AT_HUB)
    assert [(o.method, o.path, o.status) for o in from_node if o.path in own] == [
        ("POST", own[0], 200),
        ("GET", own[1], 200),
    ]
    await lab.stop("alice")
    clients, _, tokens = await rows.read()
    assert (set(clients), tokens) == ({"jupyterhub"}, [])
