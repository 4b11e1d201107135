"""Each field of the hub's database has a meaning, and is written by few actions.

Why it matters: whoever moves a hub to another host, shares its database with a report, or looks
for the reason of a refusal reads these tables. docs/database.csv says what each field means and
what writes it, and this is its proof: the tables of a running hub have just these fields, and each
action writes just what stands there.

Sources:
- jupyterhub 6.1.1, orm.py: the tables, their types and the docstrings of their classes.
- user.py, `User.spawn` and `User.stop`; apihandlers/users.py, groups.py, shares.py; auth.py.
- OAuth in the tables, step by step: test_oauth_rows.py.
"""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hublab.scenario import (
    PYTHON,
    Ask,
    Credentials,
    DatabaseReader,
    LiveLab,
    ask,
    credentials,
    difference,
)

pytestmark = pytest.mark.topology("lab")

PAGE = Path(__file__).parents[2] / "docs" / "database.csv"
AT_ANY_TIME = "last_activity"
"""Written by requests with a token and by reports of servers, whenever these come."""
MIGRATIONS = {("alembic_version", "version_num"): "VARCHAR(32)"}
"""The table of alembic, which is not among the hub's own."""
TYPES = (
    "import json; from jupyterhub import orm; "
    "print(json.dumps([[t.name, c.name, str(c.type)] "
    "for t in orm.Base.metadata.sorted_tables for c in t.columns]))"
)
JSON_BODY = (("Content-Type", "application/json"),)

Field = tuple[str, str]


async def by_api(lab: LiveLab, who: Credentials, method: str, path: str, body: Any = None) -> None:
    """One request of an administrator, which must be granted."""
    data = None if body is None else json.dumps(body).encode()
    wanted = Ask(f"/hub/api/{path}", method=method, headers=JSON_BODY, body=data)
    answer = await ask(lab, wanted, who)
    assert answer.status < 300, answer.body


async def actions(lab: LiveLab) -> AsyncIterator[str]:
    """Do one thing after another; yields the name of each when it is done."""
    yield "the hub starts for the first time"
    alice = await lab.sign_in("alice")
    yield "sign-in"
    await lab.spawn("alice", on="node1")
    yield "a server starts"
    await alice.open_server()
    yield "a server's page is opened"
    await lab.sign_in("admin")
    yield "sign-in"
    async with credentials(lab, "admin", token=True) as admin:
        yield "a token is made"
        await by_api(lab, admin, "POST", "users/bob", {})
        yield "a user is made"
        await by_api(lab, admin, "PATCH", "users/bob", {"admin": True})
        yield "a user becomes an administrator"
        await by_api(lab, admin, "POST", "groups/class", {})
        yield "a group is made"
        await by_api(lab, admin, "PUT", "groups/class/properties", {"room": 7})
        yield "a group's properties are set"
        await by_api(lab, admin, "POST", "groups/class/users", {"users": ["alice"]})
        yield "a user joins a group"
        await by_api(lab, admin, "POST", "shares/alice/", {"user": "bob"})
        yield "a server is shared"
        await by_api(lab, admin, "POST", "share-codes/alice/", {})
        yield "a share code is made"
        await lab.stop("alice")
        yield "a server stops"
        async with alice.session.get(lab.origin / "hub" / "logout") as answer:
            assert answer.status == 200
        yield "log-out"
        await by_api(lab, admin, "DELETE", "groups/class")
        yield "a group is deleted"
        await by_api(lab, admin, "DELETE", "users/alice")
        yield "a user is deleted"
    yield "a token is revoked"


@pytest.mark.sabotage("hub.JupyterHub.services", [{"name": "other", "url": "http://hub:9"}])
async def test_what_writes_each_field(lab: LiveLab) -> None:
    """The page has the fields that there are, and each action writes and removes what it says."""
    with PAGE.open(encoding="utf-8", newline="") as file:
        page = list(csv.DictReader(file))
    fields = [row for row in page if row["field"]]
    own = json.loads(await lab.run("hub", PYTHON, "-c", TYPES))
    types = {**MIGRATIONS, **{(table, field): kind for table, field, kind in own}}
    assert {(row["table"], row["field"]): row["type"] for row in fields} == types

    reader = DatabaseReader(lab)
    before: Any = {}
    written: dict[Field, set[str]] = {}
    removed: dict[str, set[str]] = {}
    async for name in actions(lab):
        now = await reader.read()
        for change in difference(before, now):
            if change.what == "removed":
                removed.setdefault(change.table, set()).add(name)
                continue
            for field in change.fields or [k for k, v in change.row.items() if v is not None]:
                written.setdefault((change.table, field), set()).add(name)
        before = now
    assert {(table, AT_ANY_TIME) for table in ("users", "spawners", "api_tokens")} <= set(written)
    says = {(row["table"], row["field"]): listed(row["written_by"]) for row in fields}
    exact = {key: names for key, names in written.items() if key[1] != AT_ANY_TIME}
    assert {k: v for k, v in says.items() if v and k[1] != AT_ANY_TIME} == exact
    assert {row["table"]: listed(row["removed_by"]) for row in page if not row["field"]} == {
        table: removed.get(table, set()) for table in {key[0] for key in types}
    }


def listed(text: str) -> set[str]:
    """The actions of a cell."""
    return set(filter(None, text.split("; ")))
