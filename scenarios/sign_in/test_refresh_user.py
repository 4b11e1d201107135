"""`refresh_user` says whether a sign-in still holds: yes, no, or what has changed.

Why it matters: it asks a provider on another host, again and again, in the middle of requests. What
a "no" means depends on who asks: a page goes to the sign-in, a token goes on; and a provider that
is away, or a list of groups that was left out, is worse than a "no".

Sources:
- JupyterHub documentation, `Authenticator.refresh_user`: "Return True if auth data for the user is
  up-to-date", "False if the user's auth data has expired, and they should be required to login
  again", "a dict of auth data if some values should be updated. Any fields present will refresh the
  value for the user. Any fields not present will be left unchanged."
- `auth_refresh_age`: "The max age (in seconds) of authentication info before forcing a refresh";
  "Set auth_refresh_age = 0 to disable time-based calls to refresh_user. You can still use
  refresh_pre_spawn or refresh_pre_stop if auth_refresh_age is disabled."
- `auth_refresh_strict`, new in 6.1: by default token-authenticated API requests go on with stale
  auth; "if auth freshness is strictly required, this can be set to True, in which case [...] API
  requests from users' own servers will fail until the user completes a fresh login".
- `refresh_pre_spawn`: "Force refresh of auth prior to spawn. If refresh_user cannot refresh the
  user auth data, launch will fail until the user logs in again."
- jupyterhub 6.1.1, handlers/base.py, `refresh_auth`: "Ensure name field is set. It cannot be
  updated"; `prepare`: "Failed to get current user", and the request goes on without one.
- `HubAuth.cache_max_age`: a server that knows its visitor does not ask the hub (300 s).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from hublab.scenario import (
    Case,
    LiveLab,
    credentials,
    flag_file,
    hook_runs,
    server_state,
    table_rows,
    until,
    until_state,
)

from .at_work import Alice, with_tokens
from .forms import start_by_form
from .tokens import AT_HUB, AT_SERVER, status_for

T = TypeVar("T")
AGE, STRICT = "hub.Authenticator.auth_refresh_age", "hub.Authenticator.auth_refresh_strict"
GROUPS = "hub.Authenticator.manage_groups"
BEFORE_SPAWN = "hub.Authenticator.refresh_pre_spawn"
SIGN_IN = "/hub/login"
FOR_ALL_TIME = 100_000
NO_ATTRIBUTE = "has no attribute '_token_authenticated'"
"""What refresh_auth stumbles over when it wants to know how a page was asked for."""

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix("hub.snippet", ["refreshing.py"])]


async def alice_at_work(lab: LiveLab) -> Alice:
    """Her server runs, her browser and one of her tokens are known there."""
    await lab.spawn("alice", on="node1")
    browser = await lab.enter(credentials(lab, "alice", server=""))
    return await with_tokens(lab, browser)


async def asked(lab: LiveLab) -> int:
    """How often the authenticator was asked about alice."""
    return len([run for run in await hook_runs(lab, "refresh_user") if run.user == "alice"])


@asynccontextmanager
async def answer_is(lab: LiveLab, answer: object) -> AsyncIterator[None]:
    """Have `refresh_user` return this for a block, which begins when that was asked for."""
    async with flag_file(lab, "hub", "refresh_user", json.dumps(answer)):
        yield


async def until_asked(lab: LiveLab, times: int, request: Callable[[], Awaitable[T]]) -> set[T]:
    """All answers to a request, until the authenticator has been asked so many times more."""
    before, seen = await asked(lab), set()

    async def enough() -> bool:
        seen.add(await request())
        return await asked(lab) >= before + times

    await until(enough, what=f"{times} questions to the authenticator")
    return seen


async def until_page_is(alice: Alice, wanted: str) -> None:
    """Until the last refresh is old enough, and the next one has the answer."""

    async def so() -> bool:
        return await alice.page() == wanted

    await until(so, what=f"a page that leads to {wanted}")


@pytest.mark.matrix(AGE, [0, 1, FOR_ALL_TIME])
async def test_true_changes_nothing_and_is_asked_for_once_an_age(lab: LiveLab, case: Case) -> None:
    """Asked again when the age is over, never while it is not, and never at all if it is 0."""
    alice = await alice_at_work(lab)
    before = await asked(lab)
    if case[AGE] == 1:
        assert await until_asked(lab, 2, alice.page) == {"200"}
        return
    assert {await alice.page() for _ in range(20)} == {"200"}
    assert await asked(lab) == before
    assert before == 0 or case[AGE] == FOR_ALL_TIME  # her server may have come before herself


@pytest.mark.finding(
    "refresh_user = False sends a page to the sign-in by an AttributeError",
    project="jupyterhub",
    steps="refresh_user returns False; open /hub/home when auth_refresh_age is over.",
    expected="The sign-in, and in the log 'User NAME has stale auth info. Login is required to "
    "refresh.' (handlers/base.py, refresh_auth).",
    seen="The sign-in, and in the log a traceback 'Failed to get current user', AttributeError "
    "'_token_authenticated': the handlers of pages do not have it unless a token was sent. So a "
    "page is answered as after any error of the authenticator.",
)
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(STRICT, [False, True])
async def test_false_sends_pages_to_the_sign_in(lab: LiveLab, case: Case) -> None:
    """The hub's page by cookie; tokens only if that is strict; what the server knows goes on."""
    alice = await alice_at_work(lab)
    strict = case[STRICT] is True
    async with answer_is(lab, False):
        await until_page_is(alice, SIGN_IN)
        assert await alice.seen() == {
            "page": SIGN_IN,
            "token": 403 if strict else 200,
            "server's page": 200,
            "server, known token": 200,
            "server, new token": 403 if strict else 200,
        }
    assert str(await server_state(lab, "alice")) == "ready"
    log = await lab.hub_log()
    assert NO_ATTRIBUTE in log
    assert "Login is required to refresh" not in log
    assert await alice.page() == "200"


@pytest.mark.finding(
    "A refresh that fails refuses API tokens, which a refused refresh does not",
    project="jupyterhub",
    steps="An Authenticator whose refresh_user raises, as it does when its provider is down; "
    "auth_refresh_strict = False; a user's API token at /hub/api/user, when auth_refresh_age is "
    "over.",
    expected="The token goes on as with refresh_user = False: 'forcing a refresh when it cannot be "
    "refreshed is often counterproductive' (auth_refresh_strict, 6.1).",
    seen="403, as for a token that nobody has; pages go to the sign-in. A server keeps that 403 "
    "for cache_max_age.",
)
@pytest.mark.matrix(AGE, [1])
@pytest.mark.sabotage(AGE, FOR_ALL_TIME)
async def test_an_error_is_worse_than_false(lab: LiveLab) -> None:
    """With the default, where false lets tokens go on: pages to the sign-in and tokens refused."""
    alice = await alice_at_work(lab)
    async with answer_is(lab, "raise"):
        await until_page_is(alice, SIGN_IN)
        assert await alice.seen() == {
            "page": SIGN_IN,
            "token": 403,
            "server's page": 200,
            "server, known token": 200,
            "server, new token": 403,
        }
    assert await alice.page() == "200"
    assert await status_for(lab, AT_HUB, alice.known.text) == 200
    assert await status_for(lab, AT_SERVER, alice.new.text) == 403


async def row_of_alice(lab: LiveLab) -> dict[str, object]:
    (row,) = [row for row in await table_rows(lab, "users") if row["name"] == "alice"]
    return row


@pytest.mark.matrix(AGE, [1])
@pytest.mark.sabotage(GROUPS, True)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/admin_only_while_said.py", sentence="stays one after it"
)
async def test_a_dict_changes_what_it_names_and_no_name(lab: LiveLab) -> None:
    """She becomes an admin by it and stays one after it; a name in it is left aside."""
    alice = await alice_at_work(lab)
    assert not (await row_of_alice(lab))["admin"]
    for change in ({"name": "mallory", "admin": True}, {"auth_state": None}):
        async with answer_is(lab, change):
            assert await until_asked(lab, 2, alice.page) == {"200"}
        assert (await row_of_alice(lab))["admin"]
    assert "mallory" not in {row["name"] for row in await table_rows(lab, "users")}


@pytest.mark.finding(
    "A dict of refresh_user without groups refuses a request in each auth_refresh_age",
    project="jupyterhub",
    steps="manage_groups = True; refresh_user returns {'admin': False}; pages and requests with an "
    "API token of the user for longer than auth_refresh_age.",
    expected="The groups stay, and nothing else happens: 'Any fields not present will be left "
    "unchanged' (documentation of refresh_user).",
    seen="ValueError 'Authenticator.manage_groups is enabled, but auth_model for NAME specifies no "
    "groups' in the hub's log. The request that was due for a refresh is answered as if nobody had "
    "signed in: a page leads to the sign-in, a token is 403. The next ones pass, for the refresh "
    "counts as done, until the age is over again.",
)
@pytest.mark.matrix(AGE, [1])
@pytest.mark.matrix(GROUPS, [False, True])
async def test_a_dict_without_groups(lab: LiveLab, case: Case) -> None:
    """Nothing comes of it, unless groups are the authenticator's: then each refresh refuses one."""
    alice = await alice_at_work(lab)
    managed = case[GROUPS] is True
    async with answer_is(lab, {"admin": False}):
        pages = await until_asked(lab, 2, alice.page)
        tokens = await until_asked(lab, 2, lambda: status_for(lab, AT_HUB, alice.known.text))
    assert pages == ({"200", SIGN_IN} if managed else {"200"})
    assert tokens == ({200, 403} if managed else {200})
    assert ("specifies no groups" in await lab.hub_log()) == managed


@pytest.mark.finding(
    "refresh_pre_spawn is ignored when auth_refresh_age is 0",
    project="jupyterhub",
    steps="auth_refresh_age = 0, refresh_pre_spawn = True; start a server.",
    expected="refresh_user is called before the start: 'You can still use refresh_pre_spawn or "
    "refresh_pre_stop if auth_refresh_age is disabled' (documentation of auth_refresh_age).",
    seen="It is never called: `refresh_auth` returns at once for an age of 0, `force` or not. The "
    "server starts with whatever auth state there is.",
)
@pytest.mark.finding(
    "A start from a page that refresh_pre_spawn refuses is an internal error",
    project="jupyterhub",
    steps="refresh_pre_spawn = True, refresh_user returns False; start one's server by its page.",
    expected="403 'auth has expired for NAME, login again' (handlers/base.py, spawn_single_user): "
    "'launch will fail until the user logs in again'.",
    seen="500 \"'SpawnHandler' object has no attribute '_token_authenticated'\". The server is not "
    "started, and nothing tells the user to sign in again.",
)
@pytest.mark.matrix(BEFORE_SPAWN, [True])
@pytest.mark.matrix(AGE, [0, FOR_ALL_TIME])
async def test_a_refresh_before_each_spawn(lab: LiveLab, case: Case) -> None:
    """By her own page, refused: asked and not started, 500; with an age of 0 not asked, started."""
    browser = await lab.enter(credentials(lab, "alice"))
    never = case[AGE] == 0
    async with answer_is(lab, False):
        status = await start_by_form(lab, browser)
    assert (status, await asked(lab)) == ((302, 0) if never else (500, 1))
    await until_state(lab, "alice", "ready" if never else "stopped")
    assert (NO_ATTRIBUTE in await lab.hub_log()) != never
