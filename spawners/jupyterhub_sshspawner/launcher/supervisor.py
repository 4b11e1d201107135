"""The process that starts the server, outlives it, and cleans up after it."""

from __future__ import annotations

import json
import os
import signal
import socket
import time

from . import tickets
from .instance import Instance, boot
from .processes import members, process, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

POLL = 0.03
SESSION_VARIABLES = (  # they die with the login session (notebook#1411, systemd#3355)
    b"XDG_RUNTIME_DIR", b"XDG_SESSION_ID", b"XDG_SESSION_CLASS", b"XDG_SESSION_TYPE",
    b"SSH_CLIENT", b"SSH_CONNECTION", b"SSH_TTY", b"SSH_AUTH_SOCK",
)  # fmt: skip


def environment(request: dict[str, Any], instance: Instance, port: int) -> dict[bytes, bytes]:
    """The login's environment, less what dies with the session, plus the hub's, as bytes."""
    env = {name: value for name, value in os.environb.items() if name not in SESSION_VARIABLES}
    if instance.runtime():  # jupyter_server ends where it cannot write its server-info
        env[b"JUPYTER_RUNTIME_DIR"] = os.fsencode(instance.runtime())
    for name, value in request["env"].items():
        env[os.fsencode(name)] = value.encode("utf-8", "surrogateescape")
    if request["service_url"]:
        before, after = request["service_url"]
        env[b"JUPYTERHUB_SERVICE_URL"] = ("%s%d%s" % (before, port, after)).encode()
    for item in request["files"]:
        env[item["env"].encode()] = os.fsencode(os.path.join(instance.secrets, item["name"]))
    env.update(tickets.variables(request, instance))
    return env


def fork_supervisor(
    request: dict[str, Any], instance: Instance, port: int, report: int, marker: int
) -> int:
    """Start the supervisor; returns its pid in the launcher and never in the supervisor."""
    child = os.fork()
    if child:
        return child
    try:
        _supervise(request, instance, port, report, marker)
    except BaseException as error:
        # no repr: that of a UnicodeEncodeError has the whole value in it, which may be a secret
        _tell(report, {"error": "%s: %s" % (type(error).__name__, str(error)[:500])})
        os._exit(1)
    finally:
        os._exit(0)


def _supervise(
    request: dict[str, Any], instance: Instance, port: int, report: int, marker: int
) -> None:
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    env = environment(request, instance, port)
    _detach(instance, (report, marker))
    _adopt_orphans()
    gate, opener = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(opener)
        os.setpgid(0, 0)
        _become_server(request, env, gate, report)
    os.close(gate)
    record = _record(pid, port, os.fstat(marker))
    instance.write("record.json", record)
    os.write(opener, b"g")  # from now on the server runs, and never unrecorded
    os.close(opener)
    _tell(report, record)
    status = _wait_for(pid)
    instance.note("exit.json", {"returncode": status})
    _tell(report, {"exit": status})
    _sweep(record, instance.name)
    instance.forget_secrets()


def _record(pid: int, port: int, marker: os.stat_result) -> dict[str, Any]:
    leader, server = process(os.getpid()), process(pid)
    assert leader is not None
    assert server is not None  # it waits at the gate
    return {
        "leader": os.getpid(), "leader_ticks": leader.ticks,
        "pid": pid, "ticks": server.ticks, "port": port,
        "device": marker.st_dev, "inode": marker.st_ino,
        "node": socket.gethostname(), "boot": boot(),
    }  # fmt: skip


def _detach(instance: Instance, keep: tuple[int, ...]) -> None:
    """Let go of the SSH session: nothing of it may stay open, or it would never end."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(instance.file("server.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing's own


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies (PR_SET_CHILD_SUBREAPER)."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError) as error:
        print("sshspawner: daemons of the server will not be followed: %s" % error, flush=True)


def _become_server(
    request: dict[str, Any], env: dict[bytes, bytes], gate: int, report: int
) -> None:
    """In the child: wait until we are recorded, then become the server."""
    if not os.read(gate, 1):
        os._exit(1)  # the supervisor died at once, so nobody would know of us
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    argv = request["argv"]
    os.umask(request["umask"])  # what the user's files get; ours are private
    try:
        os.chdir(os.path.expanduser(request["cwd"]))
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        path = env.get(b"PATH", b"").decode("utf-8", "replace")
        detail = "cannot run %s: %s (PATH on the node: %s)" % (argv[0], error.strerror, path)
        _tell(report, {"exec_error": detail})
    except ValueError as error:  # of text that is no argument: NUL, half a surrogate pair
        _tell(report, {"exec_error": "cannot run %a: %s" % (argv[0], error)})
    os._exit(127)


def _tell(report: int, body: dict[str, Any]) -> None:
    try:
        os.write(report, (json.dumps(body) + "\n").encode())
    except OSError:
        pass  # nobody listens any more: the start was confirmed long ago


def _wait_for(pid: int) -> int:
    """Reap everything until the server has ended; its exit code, 128+n after signal n."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return 128 + (status & 127) if status & 127 else status >> 8


def _sweep(record: dict[str, Any], name: str) -> None:
    """The server is gone: end what it left behind, kernels and terminals included."""
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
        until = time.monotonic() + patience
        left = members(record, name)
        for pid, ticks in left.items():
            send(pid, ticks, number)
        while left and time.monotonic() < until:
            time.sleep(POLL)
            while reap():
                continue
            left = members(record, name)


def reap() -> int:
    """Take the exit status of a child that has ended; 0 when there is none."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0
