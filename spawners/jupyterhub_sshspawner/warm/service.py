"""The parent: accepts launchers on a Unix socket, and forks. It reads one constant, and no more.

One thread, no event loop, nothing that its children should not have. Whoever connects costs a
descriptor for a moment; how many one account may have is bounded, so that no account is in the way
of another.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time

from .keeper import START, answer, keep, keepers
from .peer import Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .server import Server

PATIENCE = 5.0  # seconds for a launcher to say so
CONNECTIONS = 16  # that one account may have open
ALL_CONNECTIONS = 256
BACKLOG = 128
TICK = 1.0
MOMENT = 0.001  # seconds, for what is closed


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
        self.keepers = keepers()
        self._wake, self._woken = socket.socketpair()

    def serve(self) -> Server | None:
        """In a server's process: that server. In the parent: None, once it shall be no more."""
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        for number in (signal.SIGCHLD, signal.SIGALRM):
            signal.signal(number, lambda number, frame: None)
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
            _let_go(connection)
            return
        why = self._admits(waiting.peer) or self._crowded(waiting.peer.uid)
        if why:
            answer(connection, {"cold": why})
            _let_go(connection)
            return
        self._waiting[connection.fileno()] = waiting
        self._selector.register(connection, selectors.EVENT_READ)

    def _crowded(self, uid: int) -> str:
        if len(self._waiting) >= ALL_CONNECTIONS:
            return "the parent is busy"
        if sum(other.peer.uid == uid for other in self._waiting.values()) >= CONNECTIONS:
            return "the account has too many connections to the parent"
        return self._full(uid)

    def _full(self, uid: int) -> str:
        if sum(other == uid for other in self.keepers.values()) >= self._most:
            return "the account has %d servers of the parent" % self._most
        return ""

    def _hear(self, waiting: Waiting) -> Server | None:
        """A server, in its own process; None in the parent.

        The descriptors are the child's to receive: to close somebody's file may take for ever.
        """
        if not _asks(waiting.connection):
            self._dismiss(waiting, "this parent speaks another protocol")
            return None
        why = self._full(waiting.peer.uid)
        if why:
            self._dismiss(waiting, why)
            return None
        pid = self._fork()
        if pid == 0:
            self._selector.close()
            return keep(waiting.peer, waiting.connection)
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
        _let_go(waiting.connection)

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
        """Of those as well that were forked before the parent renewed itself."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.keepers.pop(pid, None)


def _asks(connection: socket.socket) -> bool:
    """Whether what came is the one thing that can be asked. Leaves it there."""
    try:
        return connection.recv(len(START) + 1, socket.MSG_PEEK) == START
    except OSError:
        return False


def _let_go(connection: socket.socket) -> None:
    """Close it, with all that was sent and not received, and wait for nothing.

    A TCP socket on its way to us may have SO_LINGER: whoever closes it last waits for its other
    end, up to 18 hours. A signal ends that wait, and the kernel goes on by itself.
    """
    signal.setitimer(signal.ITIMER_REAL, MOMENT, MOMENT)
    try:
        connection.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
