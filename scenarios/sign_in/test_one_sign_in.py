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
- apihandlers/auth.py, `OAuthAuthorizeHandler.get`: 403 "You do not have permission to access" for
  who may not use the service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yarl import URL

from hublab.scenario import (
    NAVIGATE,
    PYTHON,
    Answer,
    Ask,
    Case,
    Credentials,
    DatabaseReader,
    File,
    LiveLab,
    Undecided,
    ask,
    credentials,
    look,
    until,
)

from .oauth_steps import AUTHORIZE, PAGE, open_page, path_of

SERVICES, ROLES = "hub.JupyterHub.services", "hub.JupyterHub.load_roles"
SECOND, BOARD = "/user/alice/second/lab", "/services/board/"
CLIENTS = {"jupyterhub-user-alice", "jupyterhub-user-alice-second", "service-board"}
SECRET = "a-secret-of-no-use-elsewhere"
SPEC = {"name": "board", "url": "http://node2:9001", "api_token": SECRET, "timeout": 1}
WITHOUT_QUESTION = {**SPEC, "oauth_no_confirm": True}
MAY = [{"name": "user", "scopes": ["self", "access:services!service=board"]}]
START = 'setsid "$@" >/tmp/board.log 2>&1 </dev/null & echo $!'

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix(ROLES, [MAY])]


@asynccontextmanager
async def board(lab: LiveLab) -> AsyncIterator[None]:
    """The service's program on node2, as one of its users, for a block."""
    program = (Path(__file__).parent / "board.py").read_bytes()
    await lab.put_files("node2", "/tmp", [File("board.py", program)])
    environment = {
        "JUPYTERHUB_API_TOKEN": SECRET,
        "JUPYTERHUB_API_URL": "http://hub:8081/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "service-board",
        "JUPYTERHUB_SERVICE_NAME": "board",
        "JUPYTERHUB_SERVICE_PREFIX": BOARD,
    }
    argv = ("sh", "-c", START, "-", PYTHON, "/tmp/board.py")
    done = await lab.exec("node2", *argv, user="dave", environment=environment)

    async def listens() -> bool:
        try:
            return (await look(lab, URL(f"http://node2:9001{BOARD}"))).status == 302
        except Undecided:
            return False

    try:
        await until(listens, what="the service on node2")
        yield
    finally:
        await lab.run("node2", "kill", done.stdout.strip())


async def visit(lab: LiveLab, who: Credentials, target: str) -> Answer:
    """Open a page as a browser does, wherever it leads."""
    return await ask(lab, Ask(target, headers=tuple(NAVIGATE.items())), who, follow=True)


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
    async with board(lab), credentials(lab, "alice") as who:
        for target in (PAGE, SECOND, BOARD):
            opened = await visit(lab, who, target)
            assert (opened.status, URL(opened.url).path) == (200, target)
            assert not [step for step in opened.chain if "/hub/login" in step.url]
        assert opened.body == b'{"name": "alice"}'
        rows = (await DatabaseReader(lab).read())["api_tokens"].rows
        theirs = [row for row in rows if row["client_id"] in CLIENTS]
        assert sorted(row["client_id"] for row in theirs) == sorted(CLIENTS)
        assert len({row["session_id"] for row in theirs}) == 1

        await ask(lab, Ask("/hub/logout"), who)
        pages = [await open_page(lab, who, target) for target in (PAGE, SECOND, BOARD)]
        assert [path_of(page) for page in pages] == [AUTHORIZE] * 3


@pytest.mark.matrix(SERVICES, [[SPEC], [WITHOUT_QUESTION]])
async def test_a_service_asks_first(lab: LiveLab, case: Case) -> None:
    """The hub's page asks the user to confirm, unless the service is said to need no question."""
    async with board(lab), credentials(lab, "alice") as who:
        opened = await visit(lab, who, BOARD)
    asks = case[SERVICES] == [SPEC]
    assert (opened.status, URL(opened.url).path) == (200, AUTHORIZE if asks else BOARD)


@pytest.mark.matrix(SERVICES, [[WITHOUT_QUESTION]])
@pytest.mark.matrix(ROLES, [MAY, []])
async def test_who_may_not_use_the_service(lab: LiveLab, case: Case) -> None:
    """By the scope of the role: without it 403 from the hub, before the service hears of it."""
    async with board(lab), credentials(lab, "alice") as who:
        opened = await visit(lab, who, BOARD)
    may = case[ROLES] == MAY
    assert (opened.status, URL(opened.url).path) == ((200, BOARD) if may else (403, AUTHORIZE))
