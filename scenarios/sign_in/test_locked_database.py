"""Another program holds the hub's SQLite file: the whole hub waits, and then refuses good tokens.

Why it matters: a backup, a report or somebody's own session at the database is enough. Nothing of
the hub is on that program's side, and what users of other hosts see is a hub that stands still, and
then that they are nobody.

Sources:
- Python's sqlite3, `connect`: "timeout (float): How many seconds the connection should wait before
  raising an OperationalError when a table is locked"; "Default five seconds".
  `JupyterHub.db_kwargs` hands it on: "Include any kwargs to pass to the database connection";
  SQLAlchemy documentation, `create_engine`: `connect_args` are those of the driver.
- SQLite documentation, "Transaction": after BEGIN EXCLUSIVE nobody else reads (but in WAL mode, in
  which the hub's file is not), after BEGIN IMMEDIATE others read and do not write.
- jupyterhub/orm.py uses SQLAlchemy's synchronous engine: nothing else is answered meanwhile.
- jupyterhub 6.1.1, handlers/base.py, `prepare`: "Failed to get current user", and the request goes
  on without one, which is 403 (scopes.py, `needs_scope`); `get_current_user_token` writes when a
  token was used, the first time and then each `activity_resolution` (30 s); `write_error`: a
  database's error anywhere else is 500.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from hublab.scenario import Ask, Case, LiveLab, Undecided, ask, fresh_browser, until

from .forms import at_the_form
from .locked_database import locked_database
from .tokens import AT_HUB, make_token, status_for

KWARGS = "hub.JupyterHub.db_kwargs"
LONGER: dict[str, object] = {"connect_args": {"timeout": 8, "check_same_thread": False}}
AT_ONCE = 0.5
"""Seconds in which a hub answers a health check many times over."""
LATE = 2.5
"""Seconds that an answer may be late on a busy machine."""

pytestmark = pytest.mark.topology("lab")


def patience(case: Case) -> float:
    """For how many seconds the hub of this case waits for a lock."""
    return 8.0 if case[KWARGS] == LONGER else 5.0


async def timed(lab: LiveLab, token: str) -> tuple[int, float]:
    """The status of a request with a token, and how many seconds it took."""
    begun = time.monotonic()
    status = await status_for(lab, AT_HUB, token)
    return status, time.monotonic() - begun


async def until_hub_waits(lab: LiveLab) -> None:
    """Until the hub answers not even a health check."""

    async def silent() -> bool:
        try:
            await ask(lab, Ask("/hub/health", timeout=AT_ONCE), fresh_browser(lab))
        except Undecided:
            return True
        return False

    await until(silent, what="the hub to wait for its database")


@pytest.mark.matrix(KWARGS, [{}, LONGER])
async def test_a_lock_of_everything(lab: LiveLab, case: Case) -> None:
    """A good token is 403 after five seconds, or as many as are set, and health checks wait behind
    it; a lock that ends before is only waited for.
    """
    token, wait = (await make_token(lab)).text, patience(case)
    assert await status_for(lab, AT_HUB, token) == 200
    for outlasts in (True, False):
        async with locked_database(lab):
            asked = asyncio.create_task(timed(lab, token))
            await until_hub_waits(lab)
            if outlasts:
                await asked
        status, seconds = await asked
        assert status == (403 if outlasts else 200)
        if outlasts:
            assert wait - 0.1 < seconds < wait + LATE
            assert "database is locked" in await lab.hub_log()


@pytest.mark.slow
@pytest.mark.matrix(KWARGS, [{}, LONGER])
async def test_a_lock_of_writers(lab: LiveLab, case: Case) -> None:
    """A token that was in use goes on. One that is used for the first time is 403 after as long,
    for that is written down, and a sign-in of somebody new is 500.
    """
    known, new = (await make_token(lab)).text, (await make_token(lab)).text
    assert await status_for(lab, AT_HUB, known) == 200
    wait = patience(case)
    async with locked_database(lab, "IMMEDIATE"):
        assert await status_for(lab, AT_HUB, known) == 200
        status, seconds = await timed(lab, new)
        assert status == 403
        assert wait - 0.1 < seconds < wait + LATE
        password = await lab.secret("password")
        assert (await at_the_form(lab, username="bob", password=password)).status == 500
    assert await status_for(lab, AT_HUB, new) == 200
    assert (await at_the_form(lab, username="bob", password=password)).status == 302
