"""Commands on a node, each a session on a connection that others use as well."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncssh

from ..errors import SessionRefused
from .connections import Pool
from .dialing import Limits, Target
from .links import Group, Link
from .trust import Access

PAUSES = (0.2, 0.5, 1.0)
"""Seconds before a session is asked for again, where sshd had no reason that we know of."""
SETTLING = 1.0
"""Seconds for which a session that has ended may still count.

sshd forgets it a step after it has read our end's close: a request that it reads together with that
comes too early (its channels.c, ``channel_garbage_collect``).
"""
CLOSING = 2.0
"""Seconds for a command to end by itself, and for sshd to say that it has."""

log = logging.getLogger(__name__)
Process = asyncssh.SSHClientProcess[bytes]


@dataclass
class Session:
    """A command that runs, and the connection that it runs on."""

    connection: asyncssh.SSHClientConnection
    process: Process
    asked: float  # when, on the event loop's clock


@dataclass(frozen=True)
class Sessions:
    """Those of one user on one machine."""

    pool: Pool
    target: Target
    access: Access
    limits: Limits

    @asynccontextmanager
    async def run(self, command: str, seconds: float) -> AsyncIterator[Session]:
        """Run a command, which must have begun after so many seconds.

        A session that sshd refuses costs nobody else anything: it waits for room, or goes to
        another connection. Its room is free again when sshd has closed the session too; nobody
        waits for that here. Raises SessionRefused when no connection has room for a session, and
        TimeoutError when a connection does not answer, which is closed then.
        """
        group = self.pool.group(self.target, self.access, self.limits)
        session, link = await self._opened(group, command, seconds)
        try:
            yield session
        finally:
            self.pool.see_to(self._end(group, link, session.process))

    async def _opened(self, group: Group, command: str, seconds: float) -> tuple[Session, Link]:
        pauses, given_up = list(PAUSES), False
        while True:
            link = await group.seat()
            try:
                return await self._open(group, link, command, seconds), link
            except asyncssh.ChannelOpenError as error:
                since = asyncio.get_running_loop().time() - link.ended
                if pauses and since < SETTLING:
                    group.leave(link)
                    await asyncio.sleep(pauses.pop(0) * random.uniform(0.5, 1.5))
                    continue
                before, others = link.room, group.refused(link)
                if others:
                    self._warn(before, link.room, error)
                elif pauses:
                    await asyncio.sleep(pauses.pop(0) * random.uniform(0.5, 1.5))
                elif not given_up:
                    given_up, pauses = True, list(PAUSES)
                    group.give_up(link)
                else:
                    group.forgive()
                    raise self._refused(error) from error

    async def _open(self, group: Group, link: Link, command: str, seconds: float) -> Session:
        """Raises ChannelOpenError with the seat still ours; else the seat is seen to."""
        self.pool.hold(link)
        opening: asyncio.Future[Process] | None = None
        try:
            async with self.pool.connected(
                link, self.target, self.access, self.limits
            ) as connection:
                asked = asyncio.get_running_loop().time()
                opening = asyncio.ensure_future(
                    connection.create_process(command, encoding=None, stderr=asyncssh.STDOUT)
                )
                try:
                    async with asyncio.timeout(seconds):
                        # Shielded: asyncssh would forget a channel that sshd goes on to open.
                        process = await asyncio.shield(opening)
                except TimeoutError:
                    self.pool.discard(self.target, self.access, connection)
                    raise
                except asyncssh.ChannelOpenError as error:
                    if connection.is_closed():  # which asyncssh reports in the same way
                        raise asyncssh.ConnectionLost(str(error)) from error
                    raise
            return Session(connection, process, asked)
        except asyncssh.ChannelOpenError:
            self.pool.release(link, self.limits)
            raise
        except BaseException:  # also when it is cancelled
            if opening is None:
                self.pool.release(link, self.limits)
                group.leave(link)
            else:
                self.pool.see_to(self._abandon(group, link, opening))
            raise

    async def _abandon(self, group: Group, link: Link, opening: asyncio.Future[Process]) -> None:
        process = None
        with suppress(OSError, asyncssh.Error):
            process = await opening
        await self._end(group, link, process)

    async def _end(self, group: Group, link: Link, process: Process | None) -> None:
        """Give the room back when the session is closed at both ends.

        sshd counts it until its process has ended, so we wait for that before we close our end. A
        launcher ends after its answer, or without one when its stdin ends.
        """
        try:
            if process:
                with suppress(OSError):
                    process.stdin.write_eof()
                for ending in (None, process.close):
                    if ending:
                        ending()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(CLOSING):
                            await process.wait_closed()
        finally:
            link.ended = asyncio.get_running_loop().time()
            self.pool.release(link, self.limits)
            group.leave(link)

    def _warn(self, before: int, now: int, error: asyncssh.ChannelOpenError) -> None:
        if now < before:
            log.warning(
                "%s refused a session of %s (%s): at most %i at a time on this connection from now "
                "on. SSHSpawner.max_sessions_per_connection is %i, which MaxSessions in its "
                "sshd_config should allow",
                self.target.host, self.target.username, error.reason, now, self.limits.sessions,
            )  # fmt: skip

    def _refused(self, error: asyncssh.ChannelOpenError) -> SessionRefused:
        return SessionRefused(
            f"{self.target.host} refuses every session on its connections: look at MaxSessions in "
            "its sshd_config, and at SSHSpawner.max_sessions_per_connection "
            f"({self.limits.sessions})",
            f"{self.target.username} on {self.target.host} ({self.target.address} port "
            f"{self.target.port}): {error.reason}; MaxSessions in its sshd_config may be 0, or "
            "below SSHSpawner.max_sessions_per_connection "
            f"({self.limits.sessions})",
        )
