"""The parent of warm hubs: imports what a hub imports, and then forks a hub each time it is asked.

Only imported modules are shared. The parent has one thread and no event loop, reads no
configuration, opens nothing but its own sockets and knows no secret. Whatever it cannot be sure of
it answers with a reason to start cold: a variable that a module read while being imported and that
is another one now, a file of a module that has changed, another limit of resources.

start.py starts it, as root, with a listening socket as descriptor 3. A forked hub becomes the hub's
user for good, or the one of HUBLAB_HUB_UID; its group is always the same. So that group has no
processes but those that it has on a cold host, for whoever lists or ends them all, and a hub, which
runs anybody's configuration, can neither signal nor read the parent unless it is root itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pwd
import resource
import select
import signal
import socket
import sys
import time
import types
from dataclasses import dataclass
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = f"{HERE}/modules.txt"
LISTENER = 3
USER = "jupyterhub"
UID = "HUBLAB_HUB_UID"
"""The variable with the uid of a hub that has another one, as in the script as_hub."""
PR_SET_DUMPABLE, PR_SET_NAME = 4, 15
LIMITS = 16
SET_ANEW = {"wsgiref.handlers"}
"""The modules that keep the whole environment; `become` gives them the hub's."""
libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Request:
    """A hub that is to be started."""

    command: list[str]
    environment: dict[str, str]
    folder: str
    umask: int
    limits: list[list[int]]


@dataclass
class Hub:
    """A hub that runs; `connection` leads to its stand-in."""

    pid: int
    connection: socket.socket


class Parent:
    """Imports once, then serves requests until it is out of date."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.connections: set[socket.socket] = set()
        self.names: set[str] = set()
        self.files: dict[str, tuple[int, int]] = {}
        self.problem: str | None = None
        self.is_old = False

    # -- before the first hub ----------------------------------------------------

    def import_all(self) -> None:
        """Import the listed modules, and find out whether a fork of them is sound."""
        begun, cpu = time.monotonic(), time.process_time()
        started = time.time_ns()
        gc.disable()
        before = dict(os.environ)
        reading.begin()
        missing = []
        for name in open_list(MODULES):
            try:
                importlib.import_module(name)
            except ImportError:
                missing.append(name)  # another version of some software has no such module
        reading.end()
        self.names = {name for name, of in reading.variables.items() if of - SET_ANEW}
        self.files = {path: stamp(path) for path in sorted(sources())}
        self.problem = self._unsound(before, started)
        gc.collect()
        gc.freeze()
        report = {
            "variables": {name: sorted(of) for name, of in sorted(reading.variables.items())},
            "whole": sorted(reading.whole),
            "missing": missing,
            "problem": self.problem,
            "modules": len(sys.modules),
            "seconds": round(time.monotonic() - begun, 3),
            "cpu": round(time.process_time() - cpu, 3),
        }
        print(json.dumps(report), flush=True)

    def _unsound(self, before: dict[str, str], started: int) -> str | None:
        if len(os.listdir("/proc/self/task")) != 1:
            return "an imported module has started a thread"
        links = {fd: link(fd) for fd in os.listdir("/proc/self/fd")}
        if more := [to for fd, to in links.items() if int(fd) > LISTENER and to]:
            return f"an imported module has opened {more[0]}"
        if dict(os.environ) != before:
            return "an imported module has changed the environment"
        if whole := reading.whole - SET_ANEW:
            return f"{min(whole)} reads the whole environment while being imported"
        if new := [path for path, (at, _) in self.files.items() if at > started]:
            return f"{new[0]} changed while it was being imported"
        return None

    # -- requests ----------------------------------------------------------------

    def serve(self) -> Request:
        """Answer requests; returns in a forked child only, with what it is to be."""
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        watched: dict[int, Hub] = {}
        while True:
            for fd, _ in poll.poll():
                if fd == self.listener.fileno():
                    found = self.accept()
                    if isinstance(found, Request):
                        return found
                    if found is not None:
                        watched[os.pidfd_open(found.pid)] = found
                        watched[found.connection.fileno()] = found
                        for one in (fd for fd, hub in watched.items() if hub is found):
                            poll.register(one, select.POLLIN)
                    continue
                if fd not in watched:
                    continue  # it ended in this very round
                hub = watched[fd]
                if fd == hub.connection.fileno():
                    # Its stand-in says nothing, so it has been killed.
                    poll.unregister(fd)
                    os.kill(hub.pid, signal.SIGKILL)
                    continue
                report_end(hub)
                for one in [fd for fd, other in watched.items() if other is hub]:
                    with contextlib.suppress(KeyError):  # that of a killed stand-in
                        poll.unregister(one)
                    del watched[one]
                os.close(fd)
                self.connections.discard(hub.connection)
                hub.connection.close()
            if self.is_old and not watched:
                os._exit(0)

    def accept(self) -> Hub | Request | None:
        """Fork a hub for who connects, or say why not; a Request in the child."""
        connection, _ = self.listener.accept()
        try:
            connection.settimeout(5)
            wanted, fds = receive(connection)
        except (OSError, ValueError, TypeError):
            connection.close()
            return None
        if reason := self.why_cold(wanted):
            say(connection, {"cold": reason})
            connection.close()
            for fd in fds:
                os.close(fd)
            return None
        pid = os.fork()
        if pid == 0:
            # Else they would close the descriptors of others when they are collected.
            for one in (self.listener, connection, *self.connections):
                one.detach()
            become(wanted, fds)
            return wanted
        self.connections.add(connection)
        for fd in fds:
            os.close(fd)
        say(connection, {"pid": pid})
        return Hub(pid, connection)

    def why_cold(self, wanted: Request) -> str | None:
        """Why this hub must not be forked; None if it may."""
        if self.problem:
            return self.problem
        if changed := next((path for path, at in self.files.items() if stamp(path) != at), None):
            self.is_old = True
            self.listener.close()
            return f"{changed} has changed since it was imported"
        if name := difference(self.names, os.environ, wanted.environment):
            return f"{name} is another one than when the imports were done"
        if wanted.command[0] != sys.orig_argv[0]:
            return f"its interpreter is {wanted.command[0]}"
        if os.path.dirname(wanted.command[1]) != sys.path[0]:
            return f"its script is {wanted.command[1]}"
        if wanted.limits != [list(resource.getrlimit(number)) for number in range(LIMITS)]:
            return "it has other limits of resources"
        return None


# -- in the child ----------------------------------------------------------------


def become(wanted: Request, fds: list[int]) -> None:
    """Make the forked process what a cold one is before its first line of Python."""
    account = pwd.getpwnam(USER)
    uid = int(os.environ.get(UID, account.pw_uid))
    os.setgroups([account.pw_gid])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(uid, uid, uid)
    os.setsid()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.closerange(3, 1024)
    os.chdir(wanted.folder)
    os.umask(wanted.umask)
    os.environ.clear()
    os.environ.update(wanted.environment)
    if "wsgiref.handlers" in sys.modules:
        handlers = sys.modules["wsgiref.handlers"]
        handlers.BaseHandler.os_environ = handlers.read_environ()
    set_arguments(wanted.command)
    libc.prctl(PR_SET_NAME, os.path.basename(wanted.command[1]).encode()[:15], 0, 0, 0)
    # A change of user takes it, and with it the user's right to read /proc/PID.
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    gc.enable()


def set_arguments(command: list[str]) -> None:
    """Write the arguments that `ps` shows over the parent's, which are as long."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])  # arg_start and arg_end of proc(5)
    text = b"".join(os.fsencode(one) + b"\0" for one in command)
    if len(text) == end - begin:
        ctypes.memmove(begin, text, len(text))
    sys.argv[:] = command[1:]
    sys.orig_argv[:] = command


def own_excepthook(kind: type, error: BaseException, trace: types.TracebackType | None) -> None:
    """As Python's own, without this file's frame."""
    sys.__excepthook__(kind, error, trace.tb_next if trace else None)


# -- small things ----------------------------------------------------------------


def open_list(path: str) -> list[str]:
    with open(path) as file:
        return file.read().split()


def sources() -> set[str]:
    """The files of all modules, and the folders in which Python looks for others."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {*filter(None, files), *filter(os.path.isdir, sys.path)}


def stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def link(fd: str) -> str:
    """Where a descriptor leads; empty for that of the folder itself."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def receive(connection: socket.socket) -> tuple[Request, list[int]]:
    head, fds, _, _ = socket.recv_fds(connection, 4, 3)
    left, body = int.from_bytes(head, "big"), b""
    while len(body) < left:
        piece = connection.recv(left - len(body))
        if not piece:
            raise ValueError("the request ended early")
        body += piece
    return Request(**json.loads(body)), list(fds)


def say(connection: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # its stand-in is gone, which the poll sees
        connection.sendall(json.dumps(answer).encode() + b"\n")


def report_end(hub: Hub) -> None:
    """Tell a stand-in how its hub ended."""
    _, status = os.waitpid(hub.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    say(hub.connection, {"code": code} if code >= 0 else {"signal": -code})


def serve_until_forked() -> Request:
    """Import, and serve; returns in a child only."""
    os.set_inheritable(LISTENER, False)
    parent = Parent(socket.socket(fileno=LISTENER))
    parent.import_all()
    return parent.serve()


# Python has put this script's folder there, and a hub has its own script's.
from reading import Reading, difference  # noqa: E402

sys.path[0] = os.path.dirname(sys.executable)
reading = Reading()
request = serve_until_forked()
main = types.ModuleType("__main__")
main.__file__ = request.command[1]
with open(request.command[1]) as script:
    code = compile(script.read(), request.command[1], "exec")
sys.excepthook = own_excepthook
sys.modules["__main__"] = main
if "__mp_main__" in sys.modules:  # multiprocessing's other name for it
    sys.modules["__mp_main__"] = main
exec(code, main.__dict__)
