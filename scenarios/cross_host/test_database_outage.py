"""While the hub's database is away good tokens and sign-ins are refused, and nothing says why.

Why it matters: a database on another host is restarted, updated or cut off now and then. Meanwhile
whoever asks is told that they are nobody: scripts get 403, browsers the sign-in form. What watches
the hub sees that all is well, and what a server was told in those minutes outlasts them. A database
that ends transactions which rest brings the same about at any time.

Sources:
- jupyterhub 6.1.1, handlers/base.py, `prepare`: "Failed to get current user", then a rollback, and
  the request goes on without a user; scopes.py, `needs_scope`: 403; `authenticated` leads pages to
  the sign-in; `write_error`: a database's error anywhere else is 500.
- handlers/pages.py, `HealthCheckHandler`: "There is nothing for us to do other than return a
  positive HTTP status code as quickly as possible"; apihandlers/hub.py, `RootAPIHandler`: "It is
  not an authenticated endpoint"; utils.py, `metrics_authentication`: scope `read:metrics`.
- configurable-http-proxy, README: `/_chp_healthz` is the proxy's own.
- JupyterHub documentation, `HubAuth.cache_max_age`: what a server keeps, and for how long.
- jupyterhub/orm.py, `new_session_factory`: one session, which is in a transaction after any read;
  `register_ping_connection`: "Check connections before using them". SQLAlchemy documentation,
  "Disconnect Handling - Pessimistic": not in the middle of a transaction; `pool_pre_ping` is for
  connections that are taken from the pool.
- PostgreSQL documentation, `idle_in_transaction_session_timeout`: "Terminate any session that has
  been idle (that is, waiting for a client query) within an open transaction for longer than the
  specified amount of time".
"""

from __future__ import annotations

import pytest

from hublab.scenario import (
    Ask,
    Credentials,
    LiveLab,
    ask,
    credentials,
    fresh_browser,
    until,
)

from ..sign_in.kept_answers import first_answer, until_another
from ..sign_in.oauth_steps import PAGE, open_page, path_of
from ..sign_in.tokens import AT_HUB, AT_SERVER, make_token, questions_of, status_for
from .database_host import connections, password_at_the_form, psql, without_database

URL, KWARGS = "hub.JupyterHub.db_url", "hub.JupyterHub.db_kwargs"
KEPT, SECONDS = "server.HubOAuth.cache_max_age", 8
ACTIVITY = b'{"last_activity": "2026-01-01T00:00:00Z"}'
HEALTH = ("/hub/health", "/hub/api/", "/_chp_healthz")
"""What a monitor asks: the hub's address, its API's, the proxy's."""
REST = "1s"
"""How long the database bears a transaction in which nothing happens."""

# Slow: an image of its own, with PostgreSQL, is built when it is missing.
pytestmark = [pytest.mark.slow, pytest.mark.topology("lab", "postgres")]


async def by_token(lab: LiveLab, text: str) -> dict[str, int]:
    """What an administrator's token gets: a call, a report of activity, the metrics."""
    headers = (("Authorization", f"token {text}"),)
    wanted = {
        "a call": Ask(AT_HUB, headers=headers),
        "a report": Ask("/hub/api/users/alice/activity", "POST", headers, ACTIVITY),
        "metrics": Ask("/hub/metrics", headers=headers),
    }
    return {name: (await ask(lab, one, fresh_browser(lab))).status for name, one in wanted.items()}


async def health(lab: LiveLab) -> list[int]:
    """What a monitor sees."""
    return [(await ask(lab, Ask(target), fresh_browser(lab))).status for target in HEALTH]


async def page(lab: LiveLab, who: Credentials) -> str:
    """Where the hub's page leads a browser, or its status."""
    answer = await open_page(lab, who, "/hub/home")
    return path_of(answer) or str(answer.status)


@pytest.mark.finding(
    "No health address of hub or proxy notices that the hub has lost its database",
    project="jupyterhub",
    steps="db_url on PostgreSQL; stop the database; GET /hub/health, /hub/api/ and /_chp_healthz; "
    "then anything with a good token.",
    expected="An answer that tells a monitor that nobody can sign in, or a word in the "
    "documentation that these addresses tell no such thing.",
    seen="200 from all three. Tokens are 403 at the same time, /hub/metrics of a monitor with its "
    "token included, sign-ins 500, and pages lead to the form. Only a request with a real token "
    "shows it.",
)
@pytest.mark.matrix(KEPT, [SECONDS])
@pytest.mark.sabotage(URL, "sqlite://")
@pytest.mark.sabotage(
    "server.snippet", "../changes/keeps_no_refusal.py", sentence="stays refused there"
)
async def test_an_outage_refuses_good_tokens(lab: LiveLab) -> None:
    """Tokens are 403, pages go to the form, sign-ins are 500, and all health is 200; servers go on
    with whom they know. The hub recovers by itself; a token that a server first asked about
    meanwhile stays refused there for as long as answers are kept.
    """
    await lab.spawn("alice", on="node1")
    browser = await lab.enter(credentials(lab, "alice", server=""))
    admin, known, new = await make_token(lab, "admin"), await make_token(lab), await make_token(lab)
    assert set((await by_token(lab, admin.text)).values()) == {200}
    assert await status_for(lab, AT_SERVER, known.text) == 200
    async with without_database(lab):
        assert set((await by_token(lab, admin.text)).values()) == {403}
        assert await page(lab, browser) == "/hub/login"
        assert await password_at_the_form(lab) == 500
        assert await health(lab) == [200, 200, 200]
        kept = await first_answer(lambda: status_for(lab, AT_SERVER, new.text))
        assert kept.first == 403
        assert await status_for(lab, AT_SERVER, known.text) == 200
        assert (await open_page(lab, browser, PAGE)).status == 200
    assert set((await by_token(lab, admin.text)).values()) == {200}
    assert await page(lab, browser) == "200"
    assert await password_at_the_form(lab) == 302
    assert await status_for(lab, AT_HUB, new.text) == 200
    await until_another(kept, lambda: status_for(lab, AT_SERVER, new.text))
    assert kept.other == 200
    assert kept.at_least <= SECONDS <= kept.at_most
    assert (await questions_of(lab, "node1"))[-2:] == [403, 200]


@pytest.mark.finding(
    "A limit for transactions that rest refuses whoever comes first after each rest of the hub",
    project="jupyterhub",
    steps="ALTER DATABASE jupyterhub SET idle_in_transaction_session_timeout = '1s'; start the "
    "hub; GET /hub/api/users with a good token, again after two seconds, and again at once.",
    expected="200: with nothing to do the hub is in no transaction, or else finds a lost "
    "connection by its ping, as for any other ('Avoids database errors when using stale "
    "connections', register_ping_connection), which pool_pre_ping would do as well.",
    seen="403 for the first request after each rest and 200 for the next, with pool_pre_ping too. "
    "Between requests the hub's one connection is 'idle in transaction' from its last read on, and "
    "within a transaction nothing is pinged. PostgreSQL does as it was told and ends it.",
)
@pytest.mark.matrix(KWARGS, [{}, {"pool_pre_ping": True}])
@pytest.mark.sabotage("hub.snippet", "../changes/ends_transactions.py")
async def test_a_limit_for_what_rests(lab: LiveLab) -> None:
    """The hub rests in a transaction, pinged or not; the database ends that, and the next request
    is 403, the one after it 200: each time again.
    """
    setting = f"idle_in_transaction_session_timeout = '{REST}'"
    await psql(lab, f"ALTER DATABASE jupyterhub SET {setting}")
    await lab.programs.restart("hub")
    await lab.forget_hub()
    hub = await lab.hub()

    async def is_gone() -> bool:
        return pid not in await connections(lab)

    seen = []
    for _ in range(3):
        await hub.request("GET", "users")
        ((pid, state),) = (await connections(lab)).items()
        assert state == "idle in transaction"
        await until(is_gone, what="the end of the hub's connection")
        seen.append([(await hub.request("GET", "users"))[0] for _ in range(2)])
    assert seen == [[403, 200]] * 3
