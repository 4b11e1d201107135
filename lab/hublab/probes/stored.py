"""What the hub has stored: rows of its database, read on its host, without what is secret."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hublab.case_switch import DATABASE
from hublab.errors import Undecided
from hublab.live import LiveLab
from hublab.settings_check import PYTHON

SECRET = frozenset(
    {"secret", "hashed", "prefix", "code", "code_challenge", "cookie_id", "session_id"}
    | {"encrypted_auth_state", "token_check"}
)
"""Columns, and keys of JSON columns, that never leave the host (jupyterhub/orm.py)."""
READ = """
import json, sqlite3, sys
path, table, secret = sys.argv[1], sys.argv[2], set(json.loads(sys.argv[3]))
base = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
base.row_factory = sqlite3.Row
tables = [row[0] for row in base.execute("select name from sqlite_master where type = 'table'")]
if table not in tables:
    sys.exit(f"there is no table {table} among {', '.join(sorted(tables))}")
def value(text):
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return text
    return {k: v for k, v in found.items() if k not in secret} if type(found) is dict else text
rows = base.execute(f"select * from {table}")
print(json.dumps([{k: value(row[k]) for k in row.keys() if k not in secret} for row in rows]))
"""


async def database(live: LiveLab, table: str) -> list[dict[str, Any]]:
    """All rows of a table, its JSON columns decoded, without what is secret.

    Raises Undecided when the hub's host has no such database or table.
    """
    hub = live.lab.one("hub").service
    argv = (PYTHON, "-c", READ, DATABASE, table, json.dumps(sorted(SECRET)))
    done = await asyncio.to_thread(lambda: live.lab.run(hub, *argv, user="jupyterhub"))
    if done.exit_code:
        raise Undecided(f"the hub's database cannot be read: {done.stderr.strip()}", where=DATABASE)
    return list(json.loads(done.stdout))


async def stored_servers(live: LiveLab) -> dict[tuple[str, str], dict[str, Any]]:
    """What the database says of each server: user and server name -> its row of `servers`."""
    users, spawners, servers = [
        await database(live, table) for table in ("users", "spawners", "servers")
    ]
    names = {row["id"]: row["name"] for row in users}
    places = {row["id"]: row for row in servers}
    return {
        (names[row["user_id"]], row["name"]): places[row["server_id"]]
        for row in spawners
        if row["server_id"] in places
    }
