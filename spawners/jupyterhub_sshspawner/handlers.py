"""Addresses of the hub's API that this spawner adds, for whoever may administrate servers.

``GET /hub/api/sshspawner/orphans``; ``DELETE /hub/api/sshspawner/orphans/INSTANCE`` forgets one;
``GET /hub/api/sshspawner/servers`` says what runs on the nodes, ``DELETE`` also ends what this hub
started there and has forgotten. ``user`` and ``host`` may be given, several times.
``server_log`` has one more, for users.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from jupyterhub import apihandlers, orm
from jupyterhub.scopes import needs_scope
from tornado import web

from .lost.orphans import all_orphans, forget
from .lost.sweeping import sweep
from .server.server_log import ServerLogHandler


class OrphansHandler(apihandlers.APIHandler):  # type: ignore[misc]
    """Servers that should be gone, on nodes that could not be asked to end them."""

    @needs_scope("admin:servers")  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """All of them, with what prevented their end when it was tried last."""
        rows = [_orphan_model(one) for one in _orphans(self.db)]
        self.write(json.dumps({"orphans": rows}))


class OrphanHandler(apihandlers.APIHandler):  # type: ignore[misc]
    """One of them."""

    @needs_scope("admin:servers")  # type: ignore[untyped-decorator]
    def delete(self, instance: str) -> None:
        """Forget it: for a node that is gone for good."""
        for one in _orphans(self.db):
            if one.instance.instance == instance:
                forget(one, self.log)
                self.set_status(204)
                return
        raise web.HTTPError(404, f"no orphan {instance}")


class ServersHandler(apihandlers.APIHandler):  # type: ignore[misc]
    """What runs on the nodes."""

    @needs_scope("admin:servers")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Every server in the accounts of these users, whether the database knows it or not."""
        await self._sweep(end=False)

    @needs_scope("admin:servers")  # type: ignore[untyped-decorator]
    async def delete(self) -> None:
        """The same; those that this hub has forgotten are ended."""
        await self._sweep(end=True)

    async def _sweep(self, end: bool) -> None:
        hosts = frozenset(self.get_arguments("host"))
        found, failed = await sweep(self._spawners(), hosts, end)
        rows = [asdict(one) for one in found]
        self.write(json.dumps({"servers": rows, "failed": [asdict(one) for one in failed]}))

    def _spawners(self) -> list[Any]:
        """One for each user: the accounts are looked at as a whole."""
        names = self.get_arguments("user")
        users = [self.find_user(name) for name in names]
        for name, user in zip(names, users, strict=True):
            if user is None:
                raise web.HTTPError(404, f"no user {name}")
        if not names:
            users = [self._user_from_orm(row) for row in self.db.query(orm.User)]
        spawners = []
        for user in users:
            some = next(iter(user.orm_user.orm_spawners), "")
            spawners.append(user.spawners[some])
        return spawners


def _orphans(db: Any) -> Any:
    row = db.query(orm.Spawner).first()
    return all_orphans(row) if row is not None else []


def _orphan_model(orphan: Any) -> dict[str, Any]:
    row, instance = orphan.row, orphan.instance
    return {
        "user": row.user.name if row.user else "",
        "server": row.name,
        "host": instance.host,
        "address": instance.address,
        "account": instance.username,
        "instance": instance.instance,
        "since": instance.orphaned,
        "why": orphan.why,
    }


def register() -> None:
    """Have the hub serve these; it adds its handlers when it starts."""
    ours = [
        (r"/api/sshspawner/orphans", OrphansHandler),
        (r"/api/sshspawner/orphans/([0-9a-f]+)", OrphanHandler),
        (r"/api/sshspawner/servers", ServersHandler),
        (r"/api/users/([^/]+)/server/log", ServerLogHandler),
        (r"/api/users/([^/]+)/servers/([^/]*)/log", ServerLogHandler),
    ]
    known = apihandlers.default_handlers
    known.extend(one for one in ours if one not in known)
