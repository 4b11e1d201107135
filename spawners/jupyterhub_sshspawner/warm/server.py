"""The server's process: a fork that becomes what the orders say, warm or cold."""

from __future__ import annotations

import builtins
import gc
import io
import json
import locale
import os
import signal
import site
import sys
import time
from importlib.machinery import SourceFileLoader
from types import ModuleType

from ..launcher import becoming
from . import anew, title
from .reads import read_at_start
from .refusal import Cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reads import Reads

COMMAND = "jupyterhub-singleuser"
CHARACTERS = (b"LC_ALL", b"LC_CTYPE", b"LANG")  # the first that is set says the character set
PLAIN = (b"C", b"POSIX")
LENIENT = ("C", "POSIX", "C.UTF-8", "C.utf8", "UTF-8")  # with these, streams take any byte


class Server:
    """What the process is to be, and how it gets there."""

    def __init__(self, orders: becoming.Orders) -> None:
        self._orders = orders
        self._script = ""
        self._python = ""

    def run(self, reads: Reads) -> None:
        """Be the server until it ends, warm; or another program, if that would not be the same."""
        orders = self._orders
        try:
            self._find_script()
            self._check_start()
            differing = reads.differing(orders.env)
            anew.check(differing)
            os.chdir(orders.folder)  # where it fails, the cold way says so
        except (Cold, OSError) as why:
            _tell({"cold": str(why)})
            becoming.become(orders)
        _take_environment(orders.env)
        try:
            # whoever hides what is secret in a server's log finds it there
            if not title.show_environment(orders.env):
                raise Cold("the environment has more bytes than the parent has room for")
            anew.take(differing)
        except Cold as why:
            _tell({"cold": str(why)})
            becoming.become(orders)
        os.close(becoming.REPORTS)
        os.umask(orders.umask)
        _reset_signals()
        self._take_names()
        _open_streams()
        gc.enable()
        _run(self._script)

    def _find_script(self) -> None:
        """The script that would be run, if it is that of this environment's server."""
        paths = [os.fsdecode(path) for path in self._orders.paths]
        if not os.path.isabs(paths[0]) and len(paths) == 1:
            raise Cold("the path %s is relative" % paths[0])
        found = [path for path in paths if os.access(path, os.X_OK) and os.path.isfile(path)]
        if not found or os.path.basename(found[0]) != COMMAND:
            raise Cold("the command is not %s" % COMMAND)
        with open(found[0], "rb") as script:
            first = os.fsdecode(script.readline()).strip()
        self._script, self._python = found[0], first[2:].strip()
        here = os.path.join(sys.prefix, "bin")
        if not first.startswith("#!") or os.path.dirname(self._python) != here:
            raise Cold("%s is not of the parent's environment, %s" % (found[0], sys.prefix))
        if not os.path.samefile(self._python, sys.executable):
            raise Cold("%s has another Python than the parent" % found[0])

    def _check_start(self) -> None:
        """Raises Cold for what only the start of a process heeds."""
        env = self._orders.env
        names = read_at_start(env)
        if names:
            raise Cold("%s must be there when a process starts" % ", ".join(names))
        _check_locale(env)
        folder = os.fsdecode(env.get(b"HOME", b"")) or os.path.expanduser("~")
        if _has_user_site() and os.path.isdir(_user_site(folder)):
            raise Cold("there are packages of the user's own in %s" % _user_site(folder))

    def _take_names(self) -> None:
        """Those that Python has, and those that ``ps`` shows."""
        argv = [os.fsdecode(word) for word in self._orders.argv]
        sys.argv = [self._script, *argv[1:]]
        sys.executable = self._python
        if hasattr(sys, "orig_argv"):
            sys.orig_argv = [self._python, *sys.argv]
        sys.path.insert(0, os.path.dirname(self._script))
        words = [os.fsencode(word) for word in (self._python, *sys.argv)]
        title.show(words, COMMAND.encode())


def _chosen_locale(env: dict[bytes, bytes]) -> bytes:
    return next((env[name] for name in CHARACTERS if env.get(name)), b"C")


def _check_locale(env: dict[bytes, bytes]) -> None:
    """Raises Cold where a Python that starts would not read and write UTF-8, as this one does."""
    chosen = _chosen_locale(env)
    if chosen in PLAIN:
        if env.get(b"LC_ALL"):  # then a Python that starts keeps to it (PEP 538)
            raise Cold("the locale %s is forced by LC_ALL" % os.fsdecode(chosen))
        return
    if not chosen.lower().replace(b"-", b"").endswith(b".utf8"):
        raise Cold("the locale %s is not of UTF-8" % os.fsdecode(chosen))
    try:
        locale.setlocale(locale.LC_CTYPE, os.fsdecode(chosen))
    except locale.Error as error:
        raise Cold("the locale %s is not installed" % os.fsdecode(chosen)) from error


def _has_user_site() -> bool:
    """Whether a server of this environment would import from the user's home as well."""
    settings = os.path.join(sys.prefix, "pyvenv.cfg")
    if sys.prefix == sys.base_prefix:
        return True
    try:
        with open(settings) as source:
            lines = [line.partition("=")[::2] for line in source]
    except OSError:
        return True
    told = {name.strip().lower(): value.strip().lower() for name, value in lines}
    return told.get("include-system-site-packages") == "true"


def _user_site(home: str) -> str:
    version = "python%d.%d" % sys.version_info[:2]
    return os.path.join(home, ".local", "lib", version, "site-packages")


def _take_environment(env: dict[bytes, bytes]) -> None:
    os.environ.clear()
    for name, value in env.items():
        os.environb[name] = value
    if _chosen_locale(env) in PLAIN:
        os.environ["LC_CTYPE"] = "C.UTF-8"  # as a Python that starts would (PEP 538)
    locale.setlocale(locale.LC_CTYPE, "")
    time.tzset()
    site.ENABLE_USER_SITE = _has_user_site()


def _reset_signals() -> None:
    """As in a Python that has just started."""
    signal.set_wakeup_fd(-1)
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):
            continue
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)


def _open_streams() -> None:
    """Of this process's own descriptors, and as a Python that starts makes them."""
    lenient = locale.setlocale(locale.LC_CTYPE) in LENIENT
    errors = "surrogateescape" if lenient else "strict"
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, name, "backslashreplace" if name == "stderr" else errors)
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def _stream(number: int, name: str, errors: str) -> io.TextIOWrapper:
    mode = "w" if number else "r"
    raw = io.FileIO(number, mode + "b", closefd=False)
    raw.name = "<%s>" % name
    buffer = io.BufferedWriter(raw) if number else io.BufferedReader(raw)
    stream = io.TextIOWrapper(buffer, "utf-8", errors, "\n", line_buffering=name == "stderr")
    stream.mode = mode  # type: ignore[misc]
    return stream


def _run(script: str) -> None:
    """As the main module, under both of its names (``multiprocessing`` has one of its own)."""
    main = ModuleType("__main__")
    main.__dict__.update(
        __file__=script, __cached__=None, __annotations__={}, __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", script),
    )  # fmt: skip
    for name in ("__main__", "__mp_main__"):
        if name in sys.modules:
            sys.modules[name] = main
    with open(script, "rb") as source:
        code = compile(source.read(), script, "exec")
    exec(code, main.__dict__)


def _tell(event: dict[str, str]) -> None:
    """To the launcher, and to the server's log."""
    lines = {becoming.REPORTS: json.dumps(event), 2: "sshspawner: started cold: " + event["cold"]}
    for descriptor, line in lines.items():
        try:
            os.write(descriptor, (line + "\n").encode("utf-8", "replace"))
        except OSError:
            continue  # the launcher has gone, or the disk is full
