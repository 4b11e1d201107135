"""A server asks its hub once about a token and keeps the answer for cache_max_age, a refusal too.

Why it matters: server and hub are on different hosts, so the server does not ask for each request.
A token that was taken back opens the server for five more minutes; and who was refused a moment too
early, before they were let in or while the hub had lost its database, stays refused for as long,
though the hub itself lets them in at once.

Sources:
- JupyterHub documentation, `HubAuth.cache_max_age`: "The maximum time (in seconds) to cache the
  Hub's responses for authentication. A smaller value reduces propagation time of changes on the
  Hub (rare). Default: 300 (five minutes)".
- jupyterhub 6.1.1, services/auth.py, `_check_hub_authorization`: a 403 is an answer that is kept;
  `_api_request`: "Failed to connect to Hub API" is raised, and what is raised is not kept.
- `_ExpiringDict`: by the server's monotonic clock, from when the answer came.
- jupyterhub/handlers/base.py, `prepare`: "Failed to get current user", and the request goes on
  without one; scopes.py, `needs_scope`, and `SelfAPIHandler`: 403 then.
- Python's sqlite3: "timeout: how many seconds the connection should wait before raising an
  OperationalError when a table is locked", five by default.

The cases shorten the five minutes to some seconds, by configuration of the server.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, LiveLab

from .kept_answers import first_answer, until_another
from .locked_database import locked_database
from .tokens import AT_HUB, AT_SERVER, NOBODYS, make_token, questions_of, revoke, status_for

KEPT = "server.HubOAuth.cache_max_age"
SNIPPET = "server.snippet"
pytestmark = pytest.mark.topology("lab")
BOTH = pytest.mark.matrix(KEPT, [4, 8])


def seconds(case: Case) -> int:
    """For how long the servers of this case keep an answer."""
    return int(str(case[KEPT]))


@pytest.mark.issue(
    "jupyterhub#154",
    happens=False,
    workaround="a server asks again after cache_max_age",
)
@BOTH
async def test_a_revoked_token_is_good_at_the_server_until_then(lab: LiveLab, case: Case) -> None:
    """Taken back, it is refused by the hub at once and by the server when the answer is old."""
    await lab.spawn("alice", on="node1")
    token = await make_token(lab)
    kept = await first_answer(lambda: status_for(lab, AT_SERVER, token.text))
    assert (kept.first, await status_for(lab, AT_HUB, token.text)) == (200, 200)
    await revoke(lab, token)
    assert await status_for(lab, AT_HUB, token.text) == 403
    await until_another(kept, lambda: status_for(lab, AT_SERVER, token.text))
    assert kept.other == 403
    assert kept.at_least <= seconds(case) <= kept.at_most
    assert await questions_of(lab, "node1") == [200, 403]


@BOTH
async def test_a_refusal_is_kept_as_long(lab: LiveLab, case: Case) -> None:
    """Bob asks for alice's server, is made an admin, and stays refused; the hub is asked twice."""
    await lab.spawn("alice", on="node1")
    bob, admin = await make_token(lab, "bob"), await make_token(lab, "admin")
    kept = await first_answer(lambda: status_for(lab, AT_SERVER, bob.text))
    assert kept.first == 403
    hub = await lab.hub()
    headers = {"Authorization": f"token {admin.text}"}
    status, _ = await hub.request("PATCH", "users/bob", json={"admin": True}, headers=headers)
    assert status == 200
    assert await status_for(lab, "/hub/api/users/alice", bob.text) == 200
    await until_another(kept, lambda: status_for(lab, AT_SERVER, bob.text))
    assert kept.other == 200
    assert kept.at_least <= seconds(case) <= kept.at_most
    assert await questions_of(lab, "node1") == [200, 200]


@pytest.mark.sabotage(SNIPPET, "../changes/asks_each_time.py")
@pytest.mark.sabotage(
    "server.snippet", "../changes/keeps_no_refusal.py", sentence="an unknown token"
)
async def test_one_question_for_each_token(lab: LiveLab) -> None:
    """With the default of five minutes: ten requests each with a good and with an unknown token,
    one question each.
    """
    await lab.spawn("alice", on="node1")
    token = await make_token(lab)
    good = [await status_for(lab, AT_SERVER, token.text) for _ in range(10)]
    bad = [await status_for(lab, AT_SERVER, NOBODYS) for _ in range(10)]
    assert (set(good), set(bad)) == ({200}, {403})
    assert await questions_of(lab, "node1") == [200, 403]


@pytest.mark.finding(
    "A server keeps refusing a good token that it first saw while the hub had lost its database",
    project="jupyterhub",
    steps="A running server; lock the hub's SQLite file by another program (or stop its database); "
    "use a token that the server has not seen at the server's API; release the lock and use it "
    "again, at the hub and at the server.",
    expected="The token works as soon as the hub does: it was never refused by anybody who knew "
    "it. A server does not keep a failure of the hub ('Failed to connect to Hub API' is not kept).",
    seen="The hub answers 403 instead of 5xx, because `prepare` goes on without a user after a "
    "database error; the server keeps that 403 for cache_max_age, five minutes by default, while "
    "the hub takes the token at once.",
)
@pytest.mark.matrix(KEPT, [8])
@pytest.mark.sabotage(SNIPPET, "../changes/asks_each_time.py")
async def test_a_lost_database_is_kept_as_a_refusal(lab: LiveLab, case: Case) -> None:
    """A good token, asked about while the database is locked: refused long after the lock."""
    await lab.spawn("alice", on="node1")
    token = await make_token(lab)
    async with locked_database(lab):
        kept = await first_answer(lambda: status_for(lab, AT_SERVER, token.text))
        assert kept.first == 403
    assert "Rolling back session due to database error" in await lab.hub_log()
    assert await status_for(lab, AT_HUB, token.text) == 200
    assert await status_for(lab, AT_SERVER, token.text) == 403
    await until_another(kept, lambda: status_for(lab, AT_SERVER, token.text))
    assert kept.other == 200
    assert kept.at_least <= seconds(case) <= kept.at_most
    assert await questions_of(lab, "node1") == [403, 200]


@pytest.mark.sabotage(SNIPPET, "../changes/asks_each_time.py")
async def test_a_hub_that_is_away_is_not_kept(lab: LiveLab) -> None:
    """Without a hub a known token is good; a new one is 500, and good when the hub is back."""
    await lab.spawn("alice", on="node1")
    known, new = await make_token(lab), await make_token(lab)
    assert await status_for(lab, AT_SERVER, known.text) == 200
    await lab.programs.end("hub")
    await lab.forget_hub()
    away = [await status_for(lab, AT_SERVER, token.text) for token in (known, new)]
    assert away == [200, 500]
    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")
    assert await status_for(lab, AT_SERVER, new.text) == 200
