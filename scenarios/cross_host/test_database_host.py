"""The hub's database on a host of its own: what the hub can and cannot do without it.

Why it matters: PostgreSQL on another host is what the documentation advises for larger
deployments. The hub then has one more host to lose. It asks the database within its one event
loop, so that a database that stalls takes every page along; and after one that was restarted
whoever comes first is told that their credentials are wrong. Servers and users' work do not
depend on it.

Sources:
- JupyterHub documentation, "The Hub's Database": PostgreSQL for production.
- jupyterhub/orm.py, `register_ping_connection`: "Check connections before using them. Avoids
  database errors when using stale connections"; SQLAlchemy documentation, "Disconnect Handling -
  Pessimistic": not in the middle of a transaction, and a session is in one after any read.
- jupyterhub/handlers/base.py, `prepare`: "Failed to get current user", then a rollback, and the
  request goes on without a user; scopes.py, `needs_scope`: 403 without credentials.
- jupyterhub/orm.py uses SQLAlchemy's synchronous engine: nothing else is answered meanwhile.
- jupyterhub#1626: errors until the hub was restarted, after the database had been.
"""

from __future__ import annotations

import aiohttp
import pytest

from hublab.scenario import LiveLab, freeze, until

from .database_host import connections, password_at_the_form, psql, restart_database

SILENCE = 4.0
"""Seconds without an answer that are taken for silence: a hub answers in milliseconds."""

# Slow: an image of its own, with PostgreSQL, is built when it is missing.
pytestmark = [pytest.mark.slow, pytest.mark.topology("lab", "postgres")]
HERE = pytest.mark.sabotage("hub.JupyterHub.db_url", "sqlite://")


async def users(lab: LiveLab) -> list[str]:
    """The users that the database on its host knows."""
    return await psql(lab, "SELECT name FROM users ORDER BY name")


@pytest.mark.issue(
    "jupyterhub#1626", happens=False, workaround="none needed: one request fails, no more"
)
@pytest.mark.finding(
    "The first request after a restart of the database is told that its credentials are wrong",
    project="jupyterhub",
    steps="db_url on PostgreSQL; GET /hub/api/users with a good token; restart the database; the "
    "same request twice.",
    expected="200: 'Avoids database errors when using stale connections' (orm.py, "
    "register_ping_connection), or else 500 or 503, which a client tries again.",
    seen="403 'Missing or invalid credentials.', then 200. The session is still in the transaction "
    "of an earlier read, where nothing is pinged; prepare() catches the error and goes on without "
    "a user. A browser is sent to the sign-in form instead.",
)
@HERE
async def test_a_restarted_database_costs_one_request(lab: LiveLab) -> None:
    """The hub finds it again: the first request is refused, the next spawn is stored."""
    await lab.spawn("alice", on="node1")
    assert "alice" in await users(lab)
    hub = await lab.hub()
    statuses = [(await hub.request("GET", "users"))[0]]
    await restart_database(lab)
    status, told = await hub.request("GET", "users")
    assert told["message"] == "Missing or invalid credentials."
    statuses += [status, (await hub.request("GET", "users"))[0]]
    assert statuses == [200, 403, 200]
    assert "Rolling back session due to database error" in await lab.hub_log()
    await lab.spawn("bob", on="node2")
    assert "bob" in await users(lab)


@HERE
async def test_a_stalled_database_holds_the_hub_but_no_server(lab: LiveLab) -> None:
    """A page of the hub waits for it, a health check behind that; a user's server goes on."""
    await lab.spawn("alice", on="node1")
    visitor = await lab.sign_in("alice")
    await visitor.open_server()

    async def answered(path: str) -> bool:
        patience = aiohttp.ClientTimeout(total=SILENCE)
        try:
            async with visitor.session.get(lab.origin / path, timeout=patience) as page:
                return page.status == 200
        except TimeoutError:
            return False

    async with freeze(lab, "database", seconds=60):
        # The first needs the database; the second does not, but waits behind it.
        assert not await answered("hub/home")
        assert not await answered("hub/health")
        assert await answered("user/alice/api/contents")
    await until(lambda: answered("hub/home"), what="the hub's page")


@HERE
async def test_a_sign_in_after_a_restart_fails_once(lab: LiveLab) -> None:
    """The first sign-in is 500 with the right password, and the second one is in: after its last
    read the hub rests in a transaction, on its one connection.
    """
    await (await lab.hub()).get("users")
    assert list((await connections(lab)).values()) == ["idle in transaction"]
    await restart_database(lab)
    statuses = [await password_at_the_form(lab) for _ in range(2)]
    assert statuses == [500, 302]
