"""Rows of the hub's database, read on its host, without what is secret."""

from __future__ import annotations

import json
from typing import Any

from hublab.errors import Undecided
from hublab.probes.database import HIDDEN, DatabaseReader
from hublab.probes.observation import observed
from hublab.running.live import LiveLab


@observed("table_rows")
async def table_rows(live: LiveLab, table: str) -> list[dict[str, Any]]:
    """All rows of a table, its JSON columns decoded, without what is secret.

    Raises Undecided when the database cannot be read, or has no such table.
    """
    tables = await DatabaseReader(live).read()
    if table not in tables:
        raise Undecided(f"there is no table {table}", hint=f"one of {', '.join(sorted(tables))}")
    return [
        {column: decoded(value) for column, value in row.items() if column not in HIDDEN}
        for row in tables[table].rows
    ]


def decoded(value: Any) -> Any:
    """A column's value, or what is in it where it is a JSON object."""
    try:
        found = json.loads(value)
    except (TypeError, ValueError):
        return value
    return {k: v for k, v in found.items() if k not in HIDDEN} if type(found) is dict else value


@observed("server_rows", lambda rows: {"/".join(key): row for key, row in rows.items()})
async def server_rows(live: LiveLab) -> dict[tuple[str, str], dict[str, Any]]:
    """What the database has of each server: user and server name -> its row of `servers`."""
    tables = await DatabaseReader(live).read()
    users, spawners, servers = (tables[name].rows for name in ("users", "spawners", "servers"))
    names = {row["id"]: row["name"] for row in users}
    places = {row["id"]: dict(row) for row in servers}
    return {
        (names[row["user_id"]], row["name"]): places[row["server_id"]]
        for row in spawners
        if row["server_id"] in places
    }
