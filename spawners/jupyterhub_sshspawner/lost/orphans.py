"""Servers that should be gone but could not be reached to end them.

They stay in the spawner's state, across restarts of the hub, until the node has confirmed that
nothing of them is left. One ledger per row of a server, because JupyterHub replaces Spawner objects
while an old one may still be at work on its orphans.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import text
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import flag_modified

from ..errors import SSHSpawnerError
from ..state import Instance, from_dict

FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0

Reap = Callable[[Instance], Awaitable[bool]]


@dataclass
class Ledger:
    """The orphans of one row, and the task that ends them."""

    orm_spawner: Any
    log: logging.Logger
    orphans: list[Instance] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """By instance: why it could not be ended when that was tried last."""
    _task: asyncio.Task[None] | None = None

    def add(self, instance: Instance) -> None:
        """Remember one; known ones are not entered twice."""
        if all(instance.instance != other.instance for other in self.orphans):
            when = instance.orphaned or int(time.time())
            self.orphans.append(replace(instance, orphaned=when))

    def forget(self, instance: str) -> bool:
        """Go after it no more; False if it is none of these."""
        left = [other for other in self.orphans if other.instance != instance]
        if len(left) == len(self.orphans):
            return False
        self.orphans[:] = left
        self.reasons.pop(instance, None)
        self._save()
        return True

    def work(self, reap: Reap) -> None:
        """Go after the orphans in the background, until none is left."""
        if not self.orphans or (self._task and not self._task.done()):
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # no event loop yet: at the next occasion
        self._task = loop.create_task(self._work(reap))

    async def _work(self, reap: Reap) -> None:
        wait = FIRST_WAIT
        while self.orphans:
            for orphan in list(self.orphans):
                if await self._gone(orphan, reap):
                    self.forget(orphan.instance)
            if self.orphans:
                await asyncio.sleep(wait * random.uniform(0.7, 1.0))
                wait = min(wait * 2, LONGEST_WAIT)

    async def _gone(self, orphan: Instance, reap: Reap) -> bool:
        try:
            gone = await reap(orphan)
        except SSHSpawnerError as error:
            self.reasons[orphan.instance] = str(error)
            self.log.warning(
                "Cannot reach orphan %s on %s yet: %s",
                orphan.instance, orphan.host, error.detail or error,
            )  # fmt: skip
            return False
        except Exception as error:
            self.reasons[orphan.instance] = f"{type(error).__name__}; see the hub's log"
            self.log.exception("Cannot end orphan %s on %s", orphan.instance, orphan.host)
            return False
        if gone:
            self.log.info("Orphan %s on %s is gone", orphan.instance, orphan.host)
        return gone

    def _save(self) -> None:
        """Only our part of the state: the rest belongs to whoever is the Spawner now."""
        session = object_session(self.orm_spawner)
        if session is None:
            return
        state = dict(self.orm_spawner.state or {})
        state.pop("orphans", None)
        if self.orphans:
            state["orphans"] = [asdict(orphan) for orphan in self.orphans]
        self.orm_spawner.state = state
        flag_modified(self.orm_spawner, "state")
        session.commit()


# a ledger stays as long as a Spawner or its own task has it
_ledgers: WeakValueDictionary[object, Ledger] = WeakValueDictionary()


def ledger_of(orm_spawner: Any, log: logging.Logger) -> Ledger:
    """The ledger of a row; the same for all Spawner objects of one process.

    Found by the row's object, as the seats are (``places.seat``): whoever gets the name of a
    user who was renamed, or the row number of one who was deleted, has no part in their orphans.
    """
    return _ledgers.setdefault(orm_spawner, Ledger(orm_spawner, log))


@dataclass(frozen=True)
class Orphan:
    """One of them, with the row that it belongs to, and what the hub knows of it."""

    row: Any
    instance: Instance
    why: str


def all_orphans(orm_spawner: Any) -> list[Orphan]:
    """Those of all servers; any row leads to the database."""
    session = object_session(orm_spawner)
    ledgers = list(_ledgers.values())
    found = {
        orphan.instance: Orphan(ledger.orm_spawner, orphan, ledger.reasons.get(orphan.instance, ""))
        for ledger in ledgers
        for orphan in ledger.orphans
    }
    seen = {id(ledger.orm_spawner) for ledger in ledgers}
    rows = () if session is None else _rows_with_orphans(session, type(orm_spawner))
    for row in rows:
        if id(row) not in seen:  # nobody has looked at it since the hub started
            for orphan in from_dict(row.state).orphans:
                found.setdefault(orphan.instance, Orphan(row, orphan, ""))
    return sorted(found.values(), key=lambda one: (one.instance.host, one.instance.instance))


def forget(orphan: Orphan, log: logging.Logger) -> None:
    """Go after it no more, also after a restart of the hub."""
    ledger = ledger_of(orphan.row, log)
    for known in from_dict(orphan.row.state or {}).orphans:
        ledger.add(known)
    ledger.forget(orphan.instance.instance)
    log.warning("Forgot orphan %s on %s", orphan.instance.instance, orphan.instance.host)


def _rows_with_orphans(session: Any, kind: Any) -> list[Any]:
    rows = session.query(kind).filter(text("state LIKE '%orphans%'"))
    return [row for row in rows if isinstance(row.state, dict) and row.state.get("orphans")]


_woken = False


def wake_others(user: Any, orm_spawner: Any) -> None:
    """Once in the hub's life, see to the orphans of servers that nobody has looked at yet.

    JupyterHub makes Spawner objects only for servers that should run; a slot that has nothing but
    orphans would wait until its user comes back.
    """
    global _woken
    session = object_session(orm_spawner)
    if _woken or session is None:
        return
    _woken = True
    for other in _rows_with_orphans(session, type(orm_spawner)):
        if other.id != orm_spawner.id:
            owner = type(user)(other.user, user.settings)
            owner.spawners[other.name]  # making it loads its state, which sets the ledger to work
