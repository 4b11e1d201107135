"""Servers that should be gone but could not be reached to end them.

They stay in the spawner's state, across restarts of the hub, until the node has confirmed that
nothing of them is left. One ledger per row of a server, because JupyterHub replaces Spawner objects
while an old one may still be at work on its orphans.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import text
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import flag_modified

from .errors import SSHSpawnerError
from .state import Instance

FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0

Reap = Callable[[Instance], Awaitable[bool]]


@dataclass
class Ledger:
    """The orphans of one row, and the task that ends them."""

    orm_spawner: Any
    log: logging.Logger
    orphans: list[Instance] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def add(self, instance: Instance) -> None:
        """Remember one; known ones are not entered twice."""
        if all(instance.instance != other.instance for other in self.orphans):
            self.orphans.append(instance)

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
                    self.orphans.remove(orphan)
                    self._save()
            if self.orphans:
                await asyncio.sleep(wait * random.uniform(0.7, 1.0))
                wait = min(wait * 2, LONGEST_WAIT)

    async def _gone(self, orphan: Instance, reap: Reap) -> bool:
        try:
            gone = await reap(orphan)
        except SSHSpawnerError as error:
            self.log.warning(
                "Cannot reach orphan %s on %s yet: %s",
                orphan.instance, orphan.host, error.detail or error,
            )  # fmt: skip
            return False
        except Exception:
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
    for other in session.query(type(orm_spawner)).filter(text("state LIKE '%orphans%'")):
        if other.id != orm_spawner.id and (other.state or {}).get("orphans"):
            owner = type(user)(other.user, user.settings)
            owner.spawners[other.name]  # making it loads its state, which sets the ledger to work
