"""SSH connections, kept and shared between the operations of one user.

One connection carries a spawn, its polls and its stop. It is never shared between users. Limits
keep within what a stock sshd allows: ``MaxStartups 10:30:100`` (connections that have not signed
in yet) and ``MaxSessions 10`` (asyncssh#55, #456).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import asyncssh

from ..errors import AuthenticationRefused, ConnectionBroke, SlowSignIn, SSHSpawnerError
from .dialing import HungUp, Limits, Target, Way, dial
from .links import Group, Link
from .refusals import Refusals
from .sign_in_errors import WRONG_VALUES, described, explain, met
from .trust import Access


class Pool:
    """All connections of one event loop."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._groups: dict[object, Group] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._tickets: dict[tuple[object, ...], int] = {}
        self._doors: dict[tuple[str, int], asyncio.Semaphore] = {}
        self.refusals = Refusals(clock)

    @asynccontextmanager
    async def borrow(
        self, target: Target, access: Access, limits: Limits
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """A connection that stays open at least as long as it is borrowed."""
        async with self.connected(
            self.group(target, access, limits).main, target, access, limits
        ) as connection:
            yield connection

    @asynccontextmanager
    async def connected(
        self, link: Link, target: Target, access: Access, limits: Limits
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """The same, of this link."""
        self.hold(link)
        try:
            yield await self._connected(link, target, access, limits)
        finally:
            self.release(link, limits)

    def hold(self, link: Link) -> None:
        """Keep the connection open; ``release`` lets it go."""
        link.users += 1
        if link.closing:
            link.closing.cancel()
            link.closing = None

    def release(self, link: Link, limits: Limits) -> None:
        """Close it after a while, unless somebody else has it."""
        link.users -= 1
        if not link.users:
            link.closing = asyncio.get_running_loop().call_later(limits.idle, link.drop)

    def see_to(self, ending: Coroutine[Any, Any, None]) -> None:
        """Let the end of a session go on in the background."""
        task = asyncio.create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def discard(
        self, target: Target, access: Access, connection: asyncssh.SSHClientConnection
    ) -> None:
        """Never lend this connection again: it does not answer."""
        for link in self._all():
            if link.connection is connection:
                link.drop()

    def close(self) -> None:
        """Close all connections."""
        for link in self._all():
            for ending in (link.closing, link.coming):
                if ending:
                    ending.cancel()
            link.drop()
        for task in self._endings:
            task.cancel()
        self._groups.clear()

    def _all(self) -> list[Link]:
        return [link for group in self._groups.values() for link in group.links]

    def group(self, target: Target, access: Access, limits: Limits) -> Group:
        """The connections to a machine, whether there are any yet or not."""
        key: tuple[object, ...] = self._way_in(target, access)
        key = (*key, self._newest(key, access.gss_seen.issued if access.gss_delegate else 0))
        if key in self._groups and not self._groups[key].main.suits(target):
            key = (*key, target.pinned)
        return self._groups.setdefault(key, Group(limits.sessions))

    def sign_in_anew(self, target: Target, access: Access) -> None:
        """Lend none of the connections that there are to a request that comes from now on."""
        way = self._way_in(target, access)
        self._tickets[way] = self._tickets.get(way, 0) + 1

    def _way_in(self, target: Target, access: Access) -> tuple[object, ...]:
        return (target, access.identity)

    def _newest(self, way: tuple[object, ...], issued: int) -> int:
        """The ticket to use: a newer one has to be delegated, on a connection of its own."""
        before = self._tickets.get(way, 0)
        if issued > before:
            self._tickets[way] = issued
            for key, group in list(self._groups.items()):
                if isinstance(key, tuple) and key[:2] == way and group.idle:
                    del self._groups[key]
        return max(before, issued)

    async def _connected(
        self, link: Link, target: Target, access: Access, limits: Limits
    ) -> asyncssh.SSHClientConnection:
        if not link.open:
            if link.coming is None:
                self.refusals.check(target)
                link.coming = asyncio.create_task(self._connect(link, target, access, limits))
                link.coming.add_done_callback(link.came)
            # Shielded: who asks next finds what a poll was not patient enough to wait for.
            await asyncio.shield(link.coming)
        if link.connection is None:
            raise ConnectionBroke(f"the connection to {target.host} was lost at once")
        if not link.suits(target):  # somebody else was quicker and got to another machine
            raise ConnectionBroke(f"{target.host} is more than one machine")
        return link.connection

    async def _connect(self, link: Link, target: Target, access: Access, limits: Limits) -> None:
        for again in range(3):
            link.drop()
            way = Way()
            try:
                *link.hops, link.connection = await dial(
                    target, access, limits, way, partial(self._door, limits.connects)
                )
                link.peer = "" if target.jumps else peer_of(link.connection)
                self.refusals.let_in(target)
                return
            except (asyncssh.ConnectionLost, ConnectionResetError) as error:
                # sshd drops at random when many sign in at once (MaxStartups)
                if again == 2:
                    raise explain(error, way.hop, target, access) from error
                self._log.debug("%s dropped a new connection, trying again", target.host)
                await asyncio.sleep((1 + random.random()) * (again + 1) / 2)
            except HungUp as error:
                who = met(way.hop, target)
                refusal = self.refusals.account_phase(who, way.said, described(error, who))
                self.refusals.remember(who, refusal)
                raise refusal from error
            except SSHSpawnerError:
                raise
            except (OSError, asyncssh.Error, TimeoutError, ValueError, *WRONG_VALUES) as error:
                if isinstance(error, WRONG_VALUES) and not access.options:
                    raise  # a bug, and nobody's setting
                refusal = explain(error, way.hop, target, access)
                if isinstance(refusal, AuthenticationRefused):
                    self.refusals.remember(met(way.hop, target), refusal)
                if isinstance(refusal, SlowSignIn):
                    refusal.everybody = self.refusals.is_slow_to_all(met(way.hop, target))
                raise refusal from error

    def _door(self, most: int, address: str, port: int) -> asyncio.Semaphore:
        """Lets so many at a time sign in to a machine, a jump host too."""
        return self._doors.setdefault((address, port), asyncio.Semaphore(most))


def peer_of(connection: asyncssh.SSHClientConnection) -> str:
    """The address of the machine at the other end."""
    peer = connection.get_extra_info("peername")
    return str(peer[0]) if peer else ""


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


def shared_pool() -> Pool:
    """The pool of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        _pools[loop] = Pool(logging.getLogger(__name__))
    return _pools[loop]
