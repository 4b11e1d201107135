"""The hub's database on its host: asked by its own administrator, shut down and started again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hublab.scenario import LiveLab

from ..sign_in.forms import at_the_form

DATABASE, READY = "database", "/opt/hublab/ready"
CONNECTIONS = "SELECT pid, state FROM pg_stat_activity WHERE usename = 'jupyterhub'"


async def psql(lab: LiveLab, command: str) -> list[str]:
    """The lines that the database answers its administrator, who needs no connection of a hub."""
    argv = ("psql", "--tuples-only", "--no-align", "--command", command, "jupyterhub")
    return (await lab.run(DATABASE, *argv, user="postgres")).splitlines()


async def connections(lab: LiveLab) -> dict[str, str]:
    """The hub's connections by the process of each on the database's host, and their states."""
    rows = [row.partition("|") for row in await psql(lab, CONNECTIONS)]
    return {pid: state for pid, _, state in rows}


@asynccontextmanager
async def without_database(lab: LiveLab) -> AsyncIterator[None]:
    """The database is shut down for a block, and answers again after it.

    A fast shutdown (SIGINT, PostgreSQL documentation 18.5).
    """
    await lab.programs.kill(DATABASE, "INT")
    await lab.programs.until_ended(DATABASE)
    try:
        yield
    finally:
        await lab.programs.start(DATABASE)
        await lab.run(DATABASE, READY)


async def restart_database(lab: LiveLab) -> None:
    """Shut it down, start it, and wait until it answers."""
    async with without_database(lab):
        pass


async def password_at_the_form(lab: LiveLab) -> int:
    """The status of a sign-in with the right password."""
    return (await at_the_form(lab, username="alice", password=await lab.secret("password"))).status
