"""All of the hub's database at one moment, and what happened between two such moments.

It is read from the hub's host, as the hub reaches it, and never written. Columns that hold
secrets are hidden before anything leaves that host; equal ones still look equal within one
reader, so that a change of a secret is seen without the secret.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hublab.errors import LabError, Undecided
from hublab.probes.observation import observing
from hublab.running.live import LiveLab
from hublab.running.programs import AS_HUB
from hublab.running.reset import DATABASE
from hublab.settings.image_software import PYTHON

Row = Mapping[str, Any]

HIDDEN = (
    *("secret", "hashed", "prefix", "code", "code_challenge", "cookie_id", "session_id"),
    *("encrypted_auth_state", "environment", "token_check"),
)
"""Columns, and keys in columns of JSON, that hold a secret or what one is found by."""

READ = """
import hashlib, json, sqlite3, sys
from contextlib import closing
from pathlib import Path
default, salt, hidden = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
etc = Path("/etc/hublab")
def file(name):
    return (etc / name).read_text() if (etc / name).exists() else ""
# A setting, a host of its own, or the file that every lab begins with.
setting = json.loads(file("case.json") or "{}").get("hub.JupyterHub.db_url")
url = setting or file("db_url") or default
scheme, _, path = url.partition(":///")
if scheme.startswith("sqlite"):
    if not path or path == ":memory:":
        sys.exit("it is in the hub's memory")
    path = str(Path("/srv/jupyterhub", path))
    if not Path(path).exists():
        sys.exit(f"there is no {path}")
def shown(column, value):
    if column not in hidden and isinstance(value, str) and value.startswith("{"):
        try:
            return json.dumps({key: shown(key, inner) for key, inner in json.loads(value).items()})
        except ValueError:
            pass
    if value not in (None, "") and column in hidden:
        return f"[redacted {hashlib.sha256((salt + repr(value)).encode()).hexdigest()[:8]}]"
    return value.hex() if isinstance(value, bytes) else value
tables = {}
def keep(table, columns, key, found):
    rows = [[shown(*pair) for pair in zip(columns, row)] for row in found]
    tables[table] = {"columns": columns, "key": key, "rows": rows}
def read_sqlite():
    # Without SQLAlchemy, whose import alone takes longer than a hub's whole answer.
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        database.execute("BEGIN")
        for (table,) in sorted(database.execute(names).fetchall()):
            known = database.execute(f'PRAGMA table_info("{table}")').fetchall()
            keys = sorted((one[5], one[1]) for one in known if one[5])
            found = database.execute(f'SELECT * FROM "{table}"')
            columns = [one[0] for one in found.description]
            keep(table, columns, [name for _, name in keys], found.fetchall())
def read_server():
    from sqlalchemy import create_engine, inspect, text
    with create_engine(url).connect() as database:
        database.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        seen = inspect(database)
        for table in sorted(seen.get_table_names()):
            found = database.execute(text(f'SELECT * FROM "{table}"'))
            key = seen.get_pk_constraint(table)["constrained_columns"]
            keep(table, list(found.keys()), key, found)
try:
    read_sqlite() if scheme.startswith("sqlite") else read_server()
except Exception as error:
    sys.exit(str(getattr(error, "orig", None) or error).strip().splitlines()[0])
print(json.dumps(tables, default=str))
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `key` are the columns that identify a row, all of them where none do."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One row that was added, removed or changed; of a change, `fields` holds old and new."""

    table: str
    what: str
    row: Row
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


class DatabaseReader:
    """Reads the database of one lab's hub; what it hides looks the same in all its readings."""

    def __init__(self, live: LiveLab) -> None:
        self._live = live
        self._salt = secrets.token_hex(16)

    async def read(self) -> dict[str, Table]:
        """All tables at one moment; the journal gets the number of rows of each.

        Raises Undecided where it cannot be read now.
        """
        with observing(self._live, "database", {}) as saw:
            tables = await self._read()
            saw({name: len(table.rows) for name, table in tables.items()})
            return tables

    async def _read(self) -> dict[str, Table]:
        hub = self._live.lab.one("hub").service
        argv = [PYTHON, "-c", READ, f"sqlite:///{DATABASE}", self._salt, json.dumps(HIDDEN)]
        done = await asyncio.to_thread(lambda: self._live.lab.run(hub, AS_HUB, *argv))
        if done.exit_code:
            words = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise Undecided(f"the hub's database cannot be read: {words}", where=hub)
        try:
            found = json.loads(done.stdout)
        except ValueError as error:
            raise LabError(f"{hub} printed no JSON: {done.stdout[:200]!r}") from error
        return {name: table_from(name, raw) for name, raw in found.items()}


def table_from(name: str, raw: Mapping[str, Any]) -> Table:
    columns = tuple(raw["columns"])
    rows = tuple(dict(zip(columns, row, strict=True)) for row in raw["rows"])
    return Table(name, columns, tuple(raw["key"]) or columns, rows)


def difference(before: Mapping[str, Table], after: Mapping[str, Table]) -> list[Change]:
    """What happened between two readings, table by table; a row is known by its key."""
    changes: list[Change] = []
    for name in sorted({*before, *after}):
        old, new = by_key(before.get(name)), by_key(after.get(name))
        changes += [Change(name, "removed", row) for key, row in old.items() if key not in new]
        changes += [Change(name, "added", row) for key, row in new.items() if key not in old]
        for key in [key for key in new if key in old and old[key] != new[key]]:
            fields = {
                column: (old[key].get(column), value)
                for column, value in new[key].items()
                if old[key].get(column) != value
            }
            changes.append(Change(name, "changed", new[key], fields))
    return changes


def by_key(table: Table | None) -> dict[str, Row]:
    """The rows of a table by the text of their key."""
    if table is None:
        return {}
    return {json.dumps([row[column] for column in table.key]): row for row in table.rows}
