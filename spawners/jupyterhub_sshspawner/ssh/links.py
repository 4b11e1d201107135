"""The connections of one user to one machine, and the room on them for sessions.

sshd allows ``MaxSessions`` (10) sessions on a connection. One that it refuses is no broken
connection: tunnels and other sessions on it go on. What is refused waits for room, and if the
machine allows fewer than ``max_sessions_per_connection``, more connections share them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncssh

from .dialing import Target


@dataclass(eq=False)
class Link:
    """One connection and who uses it."""

    room: int  # sessions at a time: what is configured, or what sshd showed to be its limit
    coming: asyncio.Task[None] | None = None  # it is being opened
    connection: asyncssh.SSHClientConnection | None = None
    hops: list[asyncssh.SSHClientConnection] = field(default_factory=list)
    users: int = 0
    sessions: int = 0
    ended: float = float("-inf")  # when the last of them did, on the event loop's clock
    closing: asyncio.TimerHandle | None = None
    peer: str = ""  # the machine it leads to, or led to last

    @property
    def open(self) -> bool:
        return self.connection is not None and not self.connection.is_closed()

    def suits(self, target: Target) -> bool:
        """Whether it leads to the machine that is meant."""
        return not target.pinned or self.peer in ("", target.pinned)

    def came(self, coming: asyncio.Task[None]) -> None:
        """It was opened, or not: then whoever still waits for it hears why."""
        self.coming = None
        if not coming.cancelled():
            coming.exception()

    def drop(self) -> None:
        """Close the connection; servers on the node do not notice."""
        for connection in (self.connection, *reversed(self.hops)):
            if connection is not None:
                connection.abort()
        self.connection, self.hops = None, []


@dataclass(eq=False)
class Group:
    """The connections that lead to one machine with one user's credentials."""

    most: int  # sessions on one connection, and on all together once the machine allows fewer
    links: list[Link] = field(default_factory=list)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.links.append(Link(self.most))

    @property
    def main(self) -> Link:
        """For what needs no room: an open connection if there is one."""
        return next((link for link in self.links if link.open), self.links[0])

    @property
    def idle(self) -> bool:
        """Whether nobody has or waits for any of them."""
        return not self._waiting and not any(map(_is_used, self.links))

    async def seat(self) -> Link:
        """Wait for room for one more session; ``leave`` gives it back."""
        while (link := self._free()) is None:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        link.sessions += 1
        return link

    def leave(self, link: Link) -> None:
        """One session less."""
        link.sessions -= 1
        self._wake()

    def refused(self, link: Link) -> bool:
        """sshd refused a session that had this seat. False if it has no other of ours.

        The room is what is left of those that it did not refuse.
        """
        link.sessions -= 1
        others = link.sessions
        if others:
            link.room = min(link.room, others)
        self._wake()
        return others > 0

    def give_up(self, link: Link) -> None:
        """Use another connection for sessions: something that we do not know of fills this one."""
        link.room = 0
        self._wake()

    def forgive(self) -> None:
        """Nothing helped; the next request may try again, with the connections that there are."""
        for link in self.links:
            link.room = max(link.room, 1)
        self._wake()

    def _free(self) -> Link | None:
        self._tidy()
        for link in self.links:
            if link.sessions < link.room:
                return link
        allowed = [link.room for link in self.links if link.room]
        fewest = min(allowed, default=self.most)
        if not allowed or (fewest < self.most and sum(allowed) + fewest <= self.most):
            self.links.append(Link(fewest))
            return self.links[-1]
        return None

    def _tidy(self) -> None:
        """Forget closed connections, and with the last what they showed: sshd may be configured
        anew, and its settings count from the next connection."""
        used = [one for one in self.links if _is_used(one)]
        if used:
            self.links[:] = used
        elif len(self.links) > 1 or self.links[0].room < self.most:
            self.links[:] = [Link(self.most, peer=self.links[0].peer)]

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)


def _is_used(link: Link) -> bool:
    return bool(link.open or link.coming or link.users or link.sessions)
