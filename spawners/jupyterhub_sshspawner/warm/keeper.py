"""The process between parent and server: to a warm server what the launcher's shell is to a cold.

It is forked by the parent, becomes the account, forks the server, waits for it and notes how it
ended. A parent that dies costs neither.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket

from ..launcher import becoming, clearing
from ..launcher.descriptors import arrange
from . import account, title
from .peer import Peer
from .refusal import Cold
from .server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Sequence

START = b"start 1"  # the number of the protocol
NAMES = ("log", "reports", "orders", "marker", "folder")
IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ)
FOLDER = 6  # a descriptor, beside those of ``becoming``
LIKE_A_SHELL = 128  # what it adds to the number of a signal


def keep(peer: Peer, connection: socket.socket) -> Server:
    """Keep a server. Returns in the server's process alone; the keeper's own ends in here."""
    try:
        os.setsid()
        descriptors = _received(connection)
        if descriptors is None:
            answer(connection, {"cold": "this parent speaks another protocol"})
            os._exit(0)
        connection = _rearrange(connection, descriptors)
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        try:
            account.become(peer, connection)
        except Cold as why:
            answer(connection, {"cold": str(why)})
            os._exit(0)
        title.show([b"jupyterhub-sshspawner", b"keeps a server"], b"sshspawner-keep")
        if not answer(connection, {"keeper": os.getpid()}):
            os._exit(0)  # the launcher has lost patience, and starts a cold one
        connection.close()
        pid = os.fork()
        if pid:
            _wait(pid)
        os.close(FOLDER)
        return Server(becoming.receive())
    except BaseException as error:
        _fail(error)


def keepers() -> dict[int, int]:
    """The pid of each, and whose it is: those that this process has from before it renewed itself.

    None where the kernel lists no children (``CONFIG_PROC_CHILDREN``).
    """
    found = {}
    try:
        with open("/proc/thread-self/children") as children:
            pids = children.read().split()
    except OSError:
        return {}
    for pid in pids:
        try:
            with open("/proc/%s/status" % pid) as status:
                uids = [line.split()[1] for line in status if line.startswith("Uid:")]
        except OSError:
            continue  # it has ended
        found[int(pid)] = int(uids[0])
    return found


def answer(connection: socket.socket, body: dict[str, object]) -> bool:
    """Say it, unless the launcher is gone or does not listen; whether it was said."""
    try:
        connection.setblocking(False)
        connection.send(json.dumps(body).encode())
    except OSError:
        return False
    return True


def _received(connection: socket.socket) -> list[int] | None:
    """The descriptors that came with the question; None of anything else."""
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
    return list(found) if data == START and len(found) == len(NAMES) and not cut else None


def _rearrange(connection: socket.socket, descriptors: Sequence[int]) -> socket.socket:
    """Have nothing open but the null device, the five descriptors, and the connection."""
    null = os.open(os.devnull, os.O_RDONLY)
    log, reports, orders, marker, folder = descriptors
    arrange(null, log, log, reports, orders, marker, folder, connection.fileno())
    os.set_inheritable(FOLDER, False)
    os.set_inheritable(FOLDER + 1, False)
    connection.detach()
    return socket.socket(fileno=FOLDER + 1)


def _wait(server: int) -> NoReturn:
    """Until the server has ended; then clear up what it left. Never returns."""
    try:
        os.close(becoming.ORDERS)
        code = 0
        while True:
            pid, status = os.waitpid(-1, 0)  # what it left to itself has us for a parent
            if pid == server:
                signalled = os.WIFSIGNALED(status)
                code = LIKE_A_SHELL + os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
                break
        os.fchdir(FOLDER)
        try:
            with open("exit.json", "w") as record:
                json.dump({"returncode": code}, record)
        except OSError:
            pass  # a full disk
        _report({"exit": code})
        os.close(becoming.REPORTS)
        clearing.sweep()
        clearing.forget("secrets")
    finally:
        os._exit(0)


def _report(event: dict[str, object]) -> None:
    try:
        os.write(becoming.REPORTS, (json.dumps(event) + "\n").encode())
    except OSError:
        pass  # the launcher has what it wanted, and has ended


def _fail(error: BaseException) -> NoReturn:
    """Of something that nobody has thought of."""
    try:
        _report({"error": "%s: %s" % (type(error).__name__, str(error)[:500])})
    finally:
        os._exit(1)
