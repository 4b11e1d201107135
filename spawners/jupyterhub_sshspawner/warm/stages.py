"""How the program runs: first it looks whether the environment can be trusted, then it is it.

First stage: any Python, such as the system's; checks, and becomes the second. Second stage: the
environment's Python in isolated mode; imports, listens, forks. When the environment changes it
becomes the first again, and keeps the socket.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import socket
import stat
import sys
import time

from . import imports, title, trusted
from .reads import Reads
from .service import BACKLOG, Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, NoReturn

    from .peer import Peer

SOCKET = "/run/jupyterhub-sshspawner/warm.sock"
SERVERS = 100  # of one account
NOWHERE = "/nonexistent"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": NOWHERE, "LANG": "C.UTF-8"}
LIBRARIES = ("/etc/ld.so.cache", "/etc/ld.so.preload")  # what the linker would load now
EX_USAGE, EX_TEMPFAIL, EX_CONFIG = 64, 75, 78  # sysexits.h


def main() -> None:
    """Either stage, by the arguments."""
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        told = json.loads(sys.argv[1])
        stage = first if told.pop("unchecked", False) else second
        stage(told)
    else:
        first(options(sys.argv[1:]))


def options(argv: list[str]) -> dict[str, Any]:
    """What an administrator may say."""
    parser = argparse.ArgumentParser(
        prog="warm.py", description="Forks single-user servers of one environment. Runs as root."
    )
    parser.add_argument("--python", required=True, help="the environment's Python")
    parser.add_argument("--socket", default=SOCKET, help="default: %(default)s")
    parser.add_argument("--servers", type=int, default=SERVERS, help="the most of one account")
    told = vars(parser.parse_args(argv))
    if not os.path.isabs(told["python"]) or not os.path.isabs(told["socket"]):
        parser.error("--python and --socket must be absolute paths")
    return {
        **told, "program": os.path.abspath(sys.argv[0]), "first": sys.executable,
        "listener": -1, "age": 0, "memory": 0,
    }  # fmt: skip


def first(told: dict[str, Any]) -> NoReturn:
    """Check as root that nobody else decides what runs; then run it."""
    told = dict(told, started=time.time())
    if os.getuid() == 0:
        try:
            told["places"] = trusted.check(told["python"], told["program"])
        except trusted.Untrusted as why:
            end(EX_CONFIG, "refused, because %s" % why)
    argv = [told["python"], "-I", told["program"], title.padded(json.dumps(told))]
    try:
        os.execve(told["python"], argv, {**ENVIRONMENT, **title.PADDING})
    except OSError as error:
        end(EX_CONFIG, "cannot run %s: %s" % (told["python"], error.strerror))


def second(told: dict[str, Any]) -> None:
    """Import, listen, fork. Comes back in a server's process only, once that has ended."""
    os.chdir("/")
    os.umask(0o077)
    for name in title.PADDING:
        os.environ.pop(name, None)
    stamp = stamps()
    reads = Reads()
    sys.dont_write_bytecode = True  # it would change what was just looked at
    with reads.recorded(), _guarded(told):
        try:
            missing = imports.import_all()
        except ImportError as error:
            # one that renews itself may have seen half an installation: systemd tries again
            code = EX_CONFIG if told["listener"] < 0 else EX_TEMPFAIL
            end(code, "no server can be imported here: %s" % error)
    sys.dont_write_bytecode = False
    imports.freeze()
    title.show([b"jupyterhub-sshspawner", b"warm parent of " + os.fsencode(sys.prefix)],
               b"sshspawner-warm")  # fmt: skip
    listener = listen(told)
    say("ready at %s; %d modules, without %s" % (
        told["socket"], len(sys.modules), ", ".join(missing) or "exception"))  # fmt: skip
    service = Service(
        listener, told["servers"], admits=_admits, renew=lambda: stamps() != stamp,
        spent=lambda: spent(told, service),
    )  # fmt: skip
    server = service.serve()
    if server:
        server.run(reads)
        return
    service.close()
    why = spent(told, service)
    if why:
        end(0, why)
    say("the environment has changed: renewing")
    os.set_inheritable(listener.fileno(), True)
    told = dict(told, listener=listener.fileno())
    argv = [told["first"], "-IS", told["program"], json.dumps(dict(told, unchecked=True))]
    os.execve(told["first"], argv, ENVIRONMENT)


@contextlib.contextmanager
def _guarded(told: dict[str, Any]) -> Iterator[None]:
    """Import as root from nowhere but where the first stage has looked."""
    if os.getuid() != 0:
        yield
        return
    guard = trusted.Guard(told["places"], lambda why: end(EX_CONFIG, "refused, because %s" % why))
    guard.check_path()
    sys.meta_path.insert(0, guard)
    try:
        yield
    finally:
        sys.meta_path.remove(guard)


def _admits(peer: Peer) -> str:
    """Root's parent serves accounts; a user's serves its own."""
    if peer.uid == 0:
        return "root gets no server of a parent"
    if os.getuid() not in (0, peer.uid):
        return "this is the parent of another account"
    return ""


def spent(told: dict[str, Any], service: Service) -> str:
    """Why a user's parent has done its time, or ''. That of a node has no end."""
    if told["age"] and time.time() - told["started"] > told["age"]:
        return "has reached its age of %d s" % told["age"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if told["memory"] and memory > told["memory"]:
        return "needs %d MiB, more than %d" % (memory, told["memory"])
    return ""


def stamps() -> list[tuple[str, int]]:
    """What changes when a package is installed, removed or replaced, or the interpreter is."""
    found = []
    settings = os.path.join(sys.prefix, "pyvenv.cfg")
    for path in [sys.executable, settings, *LIBRARIES, *sys.path]:
        with contextlib.suppress(OSError):
            found.append((path, os.stat(path).st_mtime_ns))
    return found


def listen(told: dict[str, Any]) -> socket.socket:
    """The socket, new or kept. Anybody may connect to a node's; the kernel says who does."""
    if told["listener"] >= 0:
        listener = socket.socket(fileno=told["listener"])
        listener.set_inheritable(False)
        return listener
    path = told["socket"]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        mode, reach = (0o755, 0o666) if os.getuid() == 0 else (0o700, 0o600)
        os.makedirs(os.path.dirname(path), mode=mode, exist_ok=True)
        os.chmod(os.path.dirname(path), mode)
        _remove_old(path)
        listener.bind(path)
        os.chmod(path, reach)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        end(EX_CONFIG, "cannot listen at %s: %s" % (path, error.strerror))
    return listener


def _remove_old(path: str) -> None:
    """What an earlier parent left; not one that answers, and nothing but a socket."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            end(EX_CONFIG, "%s is there and is no socket" % path)
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as other:
            if other.connect_ex(path) == 0:
                end(EX_CONFIG, "another parent listens at %s" % path)
        os.unlink(path)


def say(what: str) -> None:
    """For the journal."""
    with contextlib.suppress(OSError):
        os.write(2, ("jupyterhub-sshspawner warm parent: %s\n" % what).encode("utf-8", "replace"))


def end(code: int, why: str) -> NoReturn:
    """Say why, and end."""
    say(why)
    os._exit(code)
