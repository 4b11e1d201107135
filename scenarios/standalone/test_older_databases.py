"""The database of an older hub: what the new one makes of it, and what breaks it on the way.

Why it matters: a hub's host is made anew and its database is carried over. The command for that is
documented, and three things are not: it starts another program by PATH, it stops half-way where a
server runs that JupyterHub 2 has started, and the half that is done cannot be done again.

Sources:
- jupyterhub 6.1 documentation, "Upgrading JupyterHub": "The upgrade-db command"; trait
  `JupyterHub.upgrade_db`: "Upgrade the database automatically on start".
- jupyterhub 6.1, app.py, `init_db`: a database of another version ends the hub; dbutil.py,
  `upgrade`: `check_call(['alembic', …])`; `backup_db_file`: a copy beside the file.
- jupyterhub 6.1, alembic/versions/651f5419b74d, `access_scopes`: reads the user of a client's
  server by today's tables, of which `users.user_info` comes with ff1860e38070, later.
- jupyterhub 2.3, user.py, `stop`: the client of a server goes when the hub stops it.
- alembic documentation, `transactional_ddl`: False for SQLite; what was changed stays.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Case, LiveLab

from .older_hub import COPY, DATABASE, HOST, NOW, UPGRADES, Deployment

pytestmark = [
    pytest.mark.slow,  # an image with three hubs, each of which imports for seconds
    pytest.mark.topology("lab", "older-databases"),
    pytest.mark.matrix(UPGRADES, [False, True]),
]

OTHER = "Backup your database and run `jupyterhub upgrade-db`"
NEWEST = "f460b0348206"
WITHOUT_ALEMBIC = "/usr/bin:/bin"
KILL = 'kill -9 "$1" 2>/dev/null || true'


async def test_a_database_of_version_4(lab: LiveLab, case: Case) -> None:
    """A hub of 6.1 ends and names the command, or upgrades at its start, if it is told to.

    Tokens, cookies and a running server of before go on. The command needs `alembic` in PATH.
    """
    one = Deployment(lab)
    await one.prepare()
    async with lab.channel.session() as browser:
        async with one.running("4.1.6"):
            assert await one.sign_in(browser, "alice")
            token = (await one.api("POST", "users/alice/tokens", note="mine"))["token"]
            lab.hide(token)
            pid = await one.start_server("alice")
        try:
            if not case[UPGRADES]:
                async with one.running(NOW) as said:
                    assert OTHER in said
                    assert not await one.answers()
                code, said = await one.upgrade(NOW, WITHOUT_ALEMBIC)
                assert (code, "No such file or directory: 'alembic'" in said) == (1, True)
                assert (await one.schema())[0] != NEWEST
                code, said = await one.upgrade(NOW)
                assert code == 0, said
            async with one.running(NOW):
                assert await one.answers()
                assert (await one.schema())[0] == NEWEST
                assert await one.knows(browser)
                assert (await one.api("GET", "user", token))["name"] == "alice"
                server = (await one.api("GET", "users/alice"))["servers"][""]
                assert (server["ready"], server["state"]) == (True, {"pid": pid})
        finally:
            await lab.run(HOST, "sh", "-c", KILL, "-", str(pid))


@pytest.mark.issue(
    "jupyterhub#5427",
    happens=True,
    workaround="the copy beside the file; stop all servers first, or go by way of 4.1",
)
async def test_a_database_of_version_2(lab: LiveLab, case: Case) -> None:
    """While a server runs that one step fails, and leaves the file half changed.

    From a copy it works by way of 4.1, and in one step when the hub has stopped the server.
    """
    one = Deployment(lab)
    await one.prepare()
    async with lab.channel.session() as browser, one.running("2.3.1"):
        assert await one.sign_in(browser, "alice")
        pid = await one.start_server("alice")
    try:
        version, columns = await one.schema()
        await lab.run(HOST, "cp", DATABASE, COPY)
        for reason in ("no such column: users.user_info", "duplicate column name: scopes"):
            assert reason in await to_this_version(one, case)
            assert await one.schema() == (version, [*columns, "scopes"])
        await lab.run(HOST, "cp", COPY, DATABASE)
        code, said = await one.upgrade("4.1.6")
        assert code == 0, said
        await to_this_version(one, case)
        assert (await one.schema())[0] == NEWEST
        await lab.run(HOST, "cp", COPY, DATABASE)
        async with one.running("2.3.1"):
            await one.api("DELETE", "users/alice/server")
        await to_this_version(one, case)
        assert (await one.schema())[0] == NEWEST
    finally:
        await lab.run(HOST, "sh", "-c", KILL, "-", str(pid))


async def to_this_version(one: Deployment, case: Case) -> str:
    """Upgrade by the way that the case has; what was said."""
    async with one.running(NOW) as said:
        assert (OTHER in said) == (not case[UPGRADES])
    return said if case[UPGRADES] else (await one.upgrade(NOW))[1]
