"""The process that starts the server, outlives it, and cleans up after it.

It is a shell, of 0.2 MB where a Python needs 6, and waits. Two programs do what needs Python:
``becoming`` before the server, ``clearing`` after it. The shell has them in its environment, and
nothing of the server's, which it could not pass on whole: shells drop names that are none to them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys

from . import programs, tickets, warm
from .descriptors import arrange
from .instance import Failed, Instance, boot
from .processes import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, NoReturn

SESSION_VARIABLES = (  # they die with the login session (notebook#1411, systemd#3355)
    b"XDG_RUNTIME_DIR", b"XDG_SESSION_ID", b"XDG_SESSION_CLASS", b"XDG_SESSION_TYPE",
    b"SSH_CLIENT", b"SSH_CONNECTION", b"SSH_TTY", b"SSH_AUTH_SOCK",
)  # fmt: skip
PYTHON_NEEDS = (b"PATH", b"LD_LIBRARY_PATH")
REPORTS, ORDERS, MARKER = 3, 4, 5  # descriptors, as in SCRIPT and becoming

# $1 Python, $2 the instance's folder. ``wait`` also reaps what is adopted. Some shells say 256 + n
# or 384 + n of signal n. Without the Python of the start, which may be gone by then, any will do.
SCRIPT = """\
"$1" -IS -c 'import posix; exec(posix.environ[b"SSHSPAWNER_BECOMING"])' &
exec 4<&-
wait $!
code=$?
[ $code -gt 255 ] && code=$((128 + code % 128))
echo "{\\"returncode\\": $code}" >"$2/exit.json"
echo "{\\"exit\\": $code}" 2>/dev/null >&3
exec 3>&-
command -v "$1" >/dev/null || set -- python3 "$2"
exec "$1" -IS -c 'import posix; exec(posix.environ[b"SSHSPAWNER_CLEARING"])' "$2/secrets"
"""

LOADER = """\
import sys
package = sys.modules["launcher"] = type(sys)("launcher")
package.__path__ = []
for name, source in %r:
    module = sys.modules["launcher." + name] = type(sys)("launcher." + name)
    module.__package__ = "launcher"
    exec(source, module.__dict__)
module.main()
"""


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


class Supervisor:
    """The supervisor of one try, as the launcher sees it until the server listens.

    The server begins only when it is recorded: a launcher that is killed leaves none, or one that
    is found.
    """

    def __init__(self, request: dict[str, Any], instance: Instance, port: int, marker: int) -> None:
        """Start it. Raises Failed for what cannot be run."""
        self._command = str(request["argv"][0])
        try:
            self._env = environment(request, instance, port)
        except Failed:
            raise
        except Exception as error:
            # no repr: that of a UnicodeEncodeError has the whole value in it, which may be a secret
            raise Failed(
                "launcher", "cannot make the environment: %s: %s" % (type(error).__name__, error)
            ) from error
        self._orders = self._what_to_become(request)
        self._instance, self._port = instance, port
        self._marker = os.fstat(marker)
        self._pending = b""
        self.reports, report = os.pipe()
        orders, self._opener = os.pipe()
        self.cold = ""
        """Why it is not warm, where that was asked for."""
        self._pid = self._warm(request, report, orders, marker) or os.fork()
        if not self._pid:
            _become_shell(instance, report, orders, marker)
        os.close(report)
        os.close(orders)

    def _warm(self, request: dict[str, Any], report: int, orders: int, marker: int) -> int:
        """The keeper of a warm server; 0 where there is to be a shell, and a cold one."""
        if not request.get("warm"):
            return 0
        folder = os.open(self._instance.path, os.O_RDONLY | os.O_DIRECTORY)
        log = _open_log(self._instance)
        try:
            return warm.keeper(request, (log, report, orders, marker, folder))
        except warm.NotWarm as why:
            self.cold = str(why)
            _note(log, "sshspawner: started cold: " + self.cold)
            return 0
        finally:
            os.close(folder)
            os.close(log)

    def _what_to_become(self, request: dict[str, Any]) -> bytes:
        """In the words of ``becoming``: all that it needs, so that nothing is looked up there."""
        try:
            argv = [os.fsencode(word) for word in request["argv"]]
            folders = self._env.get(b"PATH", os.defpath.encode()).split(b":")
            if b"/" in argv[0]:
                folders = [b""]
            paths = [os.path.join(folder, argv[0]) for folder in folders]
            fields = [b"%d" % request["umask"], os.fsencode(os.path.expanduser(request["cwd"]))]
            for words in (paths, argv):
                fields += [b"%d" % len(words), *words]
            fields += [name + b"=" + value for name, value in self._env.items()]
            if any(b"\0" in field for field in fields):
                raise ValueError("embedded null byte")
        except ValueError as error:  # of text that is no argument: NUL, half a surrogate pair
            raise Failed("command", "cannot run %a: %s" % (self._command, error)) from error
        body = b"\0".join(fields)
        return b"%d\0%s" % (len(body), body)

    def events(self) -> Iterator[dict[str, Any]]:
        """What has been reported, when ``reports`` can be read; lets the server begin.

        ``pid`` of a server that has begun, ``cold`` if a parent's child would not have been like
        it, ``exec_error``, ``error`` of the supervisor, ``exit``.
        """
        data = os.read(self.reports, 65536)
        if not data:
            yield {"exit": 0}
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if "pid" in event:
                self._let_begin(event["pid"])
            elif "errno" in event:
                path = self._env.get(b"PATH", b"").decode("utf-8", "replace")
                event["exec_error"] = "cannot run %s: %s (PATH on the node: %s)" % (
                    self._command, os.strerror(event["errno"]), path,
                )  # fmt: skip
            yield event

    def _let_begin(self, pid: int) -> None:
        leader, server = process(self._pid), process(pid)
        if not (leader and leader.lives and server and server.lives):
            raise Failed("launcher", "the supervisor was killed")
        record = {
            "leader": self._pid, "leader_ticks": leader.ticks,
            "pid": pid, "ticks": server.ticks, "port": self._port,
            "device": self._marker.st_dev, "inode": self._marker.st_ino,
            "node": socket.gethostname(), "boot": boot(),
        }  # fmt: skip
        try:
            self._instance.write("record.json", record)
        except OSError as error:
            raise Failed("launcher", "cannot record the server: %s" % error.strerror) from error
        data = self._orders
        try:
            while data:
                data = data[os.write(self._opener, data) :]
        except BrokenPipeError:
            pass  # it was killed, which is reported
        self._close_opener()

    def _close_opener(self) -> None:
        if self._opener >= 0:
            os.close(self._opener)
            self._opener = -1

    def close(self) -> None:
        """Hear no more of it. A server that has not begun will not."""
        self._close_opener()
        os.close(self.reports)


def _become_shell(instance: Instance, report: int, orders: int, marker: int) -> NoReturn:
    """In the child. It leaves the launcher's session and takes nothing with it."""
    try:
        os.setsid()
        _detach(instance, (report, orders, marker))
        report = REPORTS
        for number in (
            signal.SIGHUP,
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _adopt_orphans()
        env = {name: os.environb[name] for name in PYTHON_NEEDS if name in os.environb}
        env[b"SSHSPAWNER_BECOMING"] = programs["becoming"].encode()
        sources = [(name, programs[name]) for name in ("processes", "clearing")]
        env[b"SSHSPAWNER_CLEARING"] = (LOADER % (sources,)).encode()
        path = os.path.abspath(instance.path)
        argv = ["sh", "-c", SCRIPT, "jupyterhub-sshspawner", sys.executable, path]
        os.execve("/bin/sh", argv, env)
    except BaseException as error:
        body = {"error": "%s: %s" % (type(error).__name__, str(error)[:500])}
        os.write(report, (json.dumps(body) + "\n").encode())
    finally:
        os._exit(1)


def _detach(instance: Instance, kept: tuple[int, int, int]) -> None:
    """Let go of the SSH session: nothing of it may stay open, or it would never end."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = _open_log(instance)
    arrange(null, log, log, *kept)


def _open_log(instance: Instance) -> int:
    return os.open(instance.file("server.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _note(log: int, line: str) -> None:
    with contextlib.suppress(OSError):  # a full disk
        os.write(log, (line + "\n").encode("utf-8", "replace"))


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies (PR_SET_CHILD_SUBREAPER).

    A process stays that when it becomes another program.
    """
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError) as error:
        print("sshspawner: daemons of the server will not be followed: %s" % error, flush=True)


def reap() -> int:
    """Take the exit status of a child that has ended; 0 when there is none."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0
