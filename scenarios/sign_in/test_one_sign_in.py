"""One sign-in serves all servers of a user and the hub's services, each on a host of its own.

Why it matters: each of them has a cookie of its own, which only it can read, and asks the hub for
itself. So the user types a password once, and each host has to reach the hub; and one log-out has
to end what several hosts have handed out.

Sources:
- JupyterHub documentation, "JupyterHub and OAuth": hub as provider, servers and services as its
  clients, a cookie for each; `jupyterhub-session-id` "coordinates logout of the multiple OAuth
  cookies".
- "Services": `HubOAuthenticated`, external services, JUPYTERHUB_SERVICE_PREFIX and the others;
  `oauth_no_confirm`: "By default, when users authenticate with a service using JupyterHub, they are
  prompted to confirm"; scope `access:services`.
- jupyterhub 6.1.1, handlers/base.py, `clear_login_cookie`: all tokens of the session.
- app.py, `service_from_spec`: a service's description; templates/oauth.html shows it.
- apihandlers/auth.py, `OAuthAuthorizeHandler.get`: 403 "You do not have permission to access" for
  who may not use the service.
"""

from __future__ import annotations

import pytest
from yarl import URL

from hublab.scenario import Ask, Case, DatabaseReader, LiveLab, ask, credentials

from .boards import ROLES, SERVICES, Board, access_for_all, running
from .oauth_steps import AUTHORIZE, PAGE, open_page, path_of, visit
from .tokens import questions_of

BOARD = Board("board", "node2", 9001)
SECOND = "/user/alice/second/lab"
PAGES = (PAGE, SECOND, BOARD.prefix)
CLIENTS = {"jupyterhub-user-alice", "jupyterhub-user-alice-second", "service-board"}
WITHOUT_QUESTION = BOARD.spec
ASKS = {**WITHOUT_QUESTION, "oauth_no_confirm": False}
MAY = access_for_all(BOARD)

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix(ROLES, [MAY])]


@pytest.mark.issue(
    "jupyterhub#1491",
    happens=False,
    workaround="the token of a service has the session, and ends with it",
)
@pytest.mark.matrix(SERVICES, [[WITHOUT_QUESTION]])
@pytest.mark.sabotage(ROLES, [{"name": "user", "scopes": ["self"]}])
async def test_one_password_three_cookies_one_log_out(lab: LiveLab) -> None:
    """Two servers and a service open without the form, with a token each of the same session; after
    the log-out all three ask for a sign-in.
    """
    await lab.spawn("alice", on="node1")
    await lab.spawn("alice", "second", on="node2")
    async with running(lab, BOARD, "dave"), credentials(lab, "alice") as who:
        for target in PAGES:
            opened = await visit(lab, who, target)
            assert (opened.status, URL(opened.url).path) == (200, target)
            assert not [step for step in opened.chain if "/hub/login" in step.url]
        assert opened.body == b'{"name": "alice"}'
        rows = (await DatabaseReader(lab).read())["api_tokens"].rows
        theirs = [row for row in rows if row["client_id"] in CLIENTS]
        assert sorted(row["client_id"] for row in theirs) == sorted(CLIENTS)
        assert len({row["session_id"] for row in theirs}) == 1

        await ask(lab, Ask("/hub/logout"), who)
        pages = [await open_page(lab, who, target) for target in PAGES]
        assert [path_of(page) for page in pages] == [AUTHORIZE] * 3


@pytest.mark.matrix(SERVICES, [[ASKS], [WITHOUT_QUESTION]])
async def test_a_service_asks_first(lab: LiveLab, case: Case) -> None:
    """The hub's page asks the user to confirm and names the service, which learns of nobody before,
    unless the service is said to need no question.
    """
    async with running(lab, BOARD, "dave"), credentials(lab, "alice") as who:
        opened = await visit(lab, who, BOARD.prefix)
        told = await questions_of(lab, BOARD.host)
    asks = case[SERVICES] == [ASKS]
    assert (opened.status, URL(opened.url).path) == (200, AUTHORIZE if asks else BOARD.prefix)
    assert (b"JupyterHub service board (oauth URL: " in opened.body) == asks
    assert told == ([] if asks else [200])


@pytest.mark.matrix(SERVICES, [[WITHOUT_QUESTION]])
@pytest.mark.matrix(ROLES, [MAY, []])
async def test_who_may_not_use_the_service(lab: LiveLab, case: Case) -> None:
    """By the scope of the role: without it 403 from the hub, before the service hears of it."""
    async with running(lab, BOARD, "dave"), credentials(lab, "alice") as who:
        opened = await visit(lab, who, BOARD.prefix)
        told = await questions_of(lab, BOARD.host)
    may = case[ROLES] == MAY
    assert (opened.status, URL(opened.url).path) == (
        (200, BOARD.prefix) if may else (403, AUTHORIZE)
    )
    assert told == ([200] if may else [])
