"""The parent: accepts launchers on a Unix socket, and forks. It reads one constant, and no more.

One thread, no event loop, nothing that its children should not have. Whoever connects costs a
descriptor for a moment; how many one account may have is bounded, so that no account is in the way
of another.
"""

from __future__ import annotations

import array
import contextlib
import os
import selectors
import signal
import socket
import time

from .keeper import NAMES, answer, keep
from .peer import Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .server import Server

START = b"start 1"  # the number of the protocol
PATIENCE = 5.0  # seconds for a launcher to say so
CONNECTIONS = 16  # that one account may have open
ALL_CONNECTIONS = 256
BACKLOG = 128
TICK = 1.0


class Waiting:
    """A launcher that has connected and said nothing yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.peer = Peer(connection)
        self.until = time.monotonic() + PATIENCE


class Service:
    """``admits`` tells of an account why it gets no server, or ''."""

    def __init__(
        self, listener: socket.socket, servers: int, admits: Callable[[Peer], str],
        renew: Callable[[], bool], spent: Callable[[], str],
    ) -> None:  # fmt: skip
        self._listener = listener
        self._most, self._admits, self._renew, self._spent = servers, admits, renew, spent
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._waiting: dict[int, Waiting] = {}
        self.keepers: dict[int, int] = {}  # pid to uid
        self._wake, self._woken = socket.socketpair()

    def serve(self) -> Server | None:
        """In a server's process: that server. In the parent: None, once it shall be no more."""
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        while True:
            for key, _ in self._selector.select(TICK):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake:
                    self._drain()
                else:
                    server = self._hear(self._waiting[key.fd])
                    if server:
                        return server
            self._reap()
            self._lose_patience()
            if self._renew() or self._spent():
                return None

    def close(self) -> None:
        """Let all go who wait: they start cold."""
        for waiting in list(self._waiting.values()):
            self._dismiss(waiting, "the parent is being renewed")
        signal.set_wakeup_fd(-1)
        self._selector.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has gone, or we have no descriptor left: it will be asked again
        try:
            connection.setblocking(False)
            waiting = Waiting(connection)
        except OSError:
            connection.close()
            return
        why = self._admits(waiting.peer) or self._crowded(waiting.peer.uid)
        if why:
            answer(connection, {"cold": why})
            connection.close()
            return
        self._waiting[connection.fileno()] = waiting
        self._selector.register(connection, selectors.EVENT_READ)

    def _crowded(self, uid: int) -> str:
        if len(self._waiting) >= ALL_CONNECTIONS:
            return "the parent is busy"
        if sum(other.peer.uid == uid for other in self._waiting.values()) >= CONNECTIONS:
            return "the account has too many connections to the parent"
        if sum(other == uid for other in self.keepers.values()) >= self._most:
            return "the account has %d servers of the parent" % self._most
        return ""

    def _hear(self, waiting: Waiting) -> Server | None:
        """A server, in its own process; None in the parent."""
        descriptors = _received(waiting.connection)
        if descriptors is None:
            self._dismiss(waiting, "this parent speaks another protocol")
            return None
        pid = self._fork()
        if pid == 0:
            self._selector.close()
            return keep(waiting.peer, waiting.connection, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid < 0:
            self._dismiss(waiting, "no more processes can be started")
            return None
        self.keepers[pid] = waiting.peer.uid
        self._forget(waiting)
        return None

    def _fork(self) -> int:
        """Negative where there is no room for one more."""
        try:
            return os.fork()
        except OSError:
            return -1

    def _dismiss(self, waiting: Waiting, why: str) -> None:
        answer(waiting.connection, {"cold": why})
        self._forget(waiting)

    def _forget(self, waiting: Waiting) -> None:
        self._selector.unregister(waiting.connection)
        del self._waiting[waiting.connection.fileno()]
        waiting.connection.close()

    def _lose_patience(self) -> None:
        now = time.monotonic()
        for waiting in list(self._waiting.values()):
            if now > waiting.until:
                self._dismiss(waiting, "nothing was asked in time")

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while self._wake.recv(4096):
                continue

    def _reap(self) -> None:
        while self.keepers:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.keepers.clear()
                return
            if not pid:
                return
            self.keepers.pop(pid, None)


def _received(connection: socket.socket) -> list[int] | None:
    """The descriptors that came with the one thing that can be asked; None of anything else."""
    size = array.array("i").itemsize
    room = socket.CMSG_SPACE(len(NAMES) * size)
    try:
        data, ancillary, flags, _ = connection.recvmsg(len(START) + 1, room)
    except OSError:
        return None
    found = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[: len(content) - len(content) % size])
    cut = flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
    if data == START and len(found) == len(NAMES) and not cut:
        return list(found)
    for descriptor in found:
        os.close(descriptor)
    return None
