"""The directory of one instance: its records, its locks, its secrets, its log."""

from __future__ import annotations

import fcntl
import json
import os
import socket

from .processes import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

RECORDS = ("record.json", "reply.json")  # what only a start writes that has come some way
TAIL_BYTES = 8192
KEEP_ENDED = 5  # directories of ended instances that stay, for debugging


def boot() -> str:
    """What the kernel calls this run of the machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as source:
            return source.read().strip()
    except OSError:
        return ""


class Failed(Exception):
    """A request that cannot succeed; ``kind`` is one of ``protocol.FAILURES``."""

    def __init__(self, kind: str, detail: str, **more: object) -> None:
        super().__init__(detail)
        self.body = dict(more, state="failed", kind=kind, detail=detail)


def _is_ours(path: str) -> bool:
    """Whether we made it, the link too: in a directory for all, somebody else may have."""
    try:
        return {os.stat(path).st_uid, os.lstat(path).st_uid} == {os.getuid()}
    except OSError:
        return False


class Instance:
    """One instance, as its files tell.

    It is in the first of the roots, or in the next one if that could not be used at the start.
    """

    def __init__(self, roots: list[str], name: str) -> None:
        self.name = name
        self.roots = [os.path.expanduser(root) for root in roots if root]
        self.known: dict[str, Any] = {}
        self.use(self._where())

    @property
    def _ours(self) -> list[str]:
        """The roots that can be believed. What is in another one may be anything, FIFOs too."""
        return [root for root in self.roots if _is_ours(root)]

    def _where(self) -> str:
        for root in self._ours:
            if any(os.path.exists(os.path.join(root, self.name, name)) for name in RECORDS):
                return root
        there = [root for root in self._ours if os.path.isdir(os.path.join(root, self.name))]
        return there[-1] if there else self.roots[0]

    @property
    def begun(self) -> bool:
        """Whether a start has come so far that there may be a server."""
        return any(self.has(name) for name in RECORDS)

    def use(self, root: str) -> None:
        """Have the directory there."""
        self.root = root
        self.path = os.path.join(root, self.name)
        self.secrets = os.path.join(self.path, "secrets")

    def create(self, to_start: bool = False) -> None:
        """Make the directory, ours and for us alone.

        Only a start needs to write there: a full disk must not keep a server from being ended.
        """
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            for path in (self.root, self.path):
                # the link too: in a directory for all, it could be somebody else's
                if {os.stat(path).st_uid, os.lstat(path).st_uid} != {os.getuid()}:
                    raise Failed("run-dir", "%s belongs to somebody else" % path)
                os.chmod(path, 0o700)
            if to_start:
                self.write("probe", {})  # a full disk shows here, and is named
                self.remove("probe")
        except OSError as error:
            if not to_start:
                return
            raise Failed("run-dir", "cannot use %s: %s" % (self.path, error.strerror)) from error

    def unmake(self) -> None:
        """Remove a directory that could not be used, if nobody else has used it."""
        try:
            self.remove("launch.lock")
            os.rmdir(self.path)
        except OSError:
            pass  # there is none, or more in it than we have put there

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def has(self, name: str) -> bool:
        return os.path.exists(self.file(name))

    def read(self, name: str) -> dict[str, Any]:
        """A record, empty when there is none."""
        try:
            with open(self.file(name)) as source:
                body = json.load(source)
        except (OSError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}

    def write(self, name: str, body: dict[str, Any]) -> None:
        """Write a record at once or not at all."""
        temporary = "%s.%d" % (name, os.getpid())
        try:
            with open(self.file(temporary), "w") as target:
                json.dump(body, target)
            os.replace(self.file(temporary), self.file(name))
        except OSError:
            self.remove(temporary)
            raise

    def note(self, name: str, body: dict[str, Any]) -> bool:
        """Write a record, or do without it: a full disk must not keep us from cleaning up."""
        try:
            self.write(name, body)
        except OSError:
            return False  # nor can it be said: the log is on the same disk
        return True

    def call_off(self) -> None:
        """See to it that it cannot start any more, if there is any place to write that down."""
        here = self.root
        for root in [here, *(other for other in self.roots if other != here)]:
            self.use(root)
            try:
                self.create()
            except Failed:  # it is somebody else's
                continue
            if self.note("stop", {}):
                break
        self.use(here)

    def called_off(self) -> bool:
        """Whether it was."""
        return any(os.path.exists(os.path.join(r, self.name, "stop")) for r in self._ours)

    def remove(self, name: str) -> None:
        try:
            os.unlink(self.file(name))
        except FileNotFoundError:
            pass

    def record(self) -> dict[str, Any]:
        """The processes: by our own record, or by what the hub knows if that was deleted."""
        return self.read("record.json") or self.known

    def check_node(self) -> None:
        """Fail on another machine with the same home directory: what is not here may be there.

        Both must differ: a machine that boots keeps its name, a container made anew its boot.
        """
        record = self.record()
        if record.get("node", socket.gethostname()) == socket.gethostname():
            return
        if record.get("boot", boot()) != boot():
            raise Failed("other-node", "the server is on %s, this is %s"
                         % (record["node"], socket.gethostname()))  # fmt: skip

    def members(self) -> dict[int, int]:
        """Its living processes."""
        return members(self.record(), self.name)

    def logged(self) -> int:
        """How much is in the server's log, which all tries of a start write to."""
        try:
            return os.path.getsize(self.file("server.log"))
        except OSError:
            return 0

    def tail(self, since: int = 0, size: int = TAIL_BYTES) -> str:
        """The end of the server's log, or of what has come since there was so much in it."""
        try:
            with open(self.file("server.log"), "rb") as log:
                before = os.fstat(log.fileno()).st_size - size
                log.seek(max(since, before))
                if before > since:
                    log.readline()  # half a line may be half a secret, which nobody recognises
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def write_secrets(self, files: list[dict[str, str]]) -> None:
        """Files that only the server may read, for as long as it runs."""
        if files:
            os.makedirs(self.secrets, mode=0o700, exist_ok=True)
        for item in files:
            path = os.path.join(self.secrets, item["name"])
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as target:
                target.write(item["content"])

    def forget_secrets(self) -> None:
        _remove_folder(self.secrets)

    def runtime(self) -> str:
        """Where the server may write if it cannot in the home; '' where it can."""
        if self.root == self.roots[0]:
            return ""
        path = os.path.join(self.path, "runtime")
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def lock(self, name: str, wait: bool) -> int | None:
        """An exclusive lock, held until the descriptor is closed; None if somebody has it."""
        try:
            handle = os.open(self.file(name), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Failed("run-dir", "cannot use %s: %s" % (self.path, error.strerror)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:  # Lustre without flock, NFS without its lock daemon
            os.close(handle)
            why = "cannot lock files in %s: %s" % (self.root, error.strerror)
            raise Failed("run-dir", why) from error
        return handle

    def is_free(self) -> bool:
        """Whether no launcher is at work on it. Locks it then, until this process ends.

        Where files cannot be locked none is: a start is refused there.
        """
        try:
            return self.lock("launch.lock", wait=False) is not None
        except Failed:
            return True

    def wait_until_free(self) -> None:
        """The same, once that is so."""
        try:
            self.lock("launch.lock", wait=True)
        except Failed:
            pass  # see above

    def over(self) -> bool:
        """Whether it has ended, or never got a server, so that nothing more will come of it."""
        failed = self.read("reply.json").get("state") == "failed"
        return (failed or self.has("exit.json") or self.called_off()) and not self.members()

    def others(self) -> list[Instance]:
        """The instances beside it, in all of the roots."""
        found = []
        for root in self._ours:
            if os.path.isdir(root):
                found += [Instance([root], name) for name in os.listdir(root) if name != self.name]
        return found

    def prune(self) -> None:
        """Forget the oldest instances that are over."""
        ended = []
        for other in self.others():
            if other.over():
                try:
                    ended.append((os.path.getmtime(other.path), other))
                except OSError:
                    continue  # another start has pruned it meanwhile
        for _, other in sorted(ended, key=lambda pair: pair[0])[:-KEEP_ENDED]:
            try:
                other.forget_secrets()
                _remove_folder(os.path.join(other.path, "runtime"))
                for name in os.listdir(other.path):
                    other.remove(name)
                os.rmdir(other.path)
            except OSError:
                continue  # another start is at it as well


def _remove_folder(path: str) -> None:
    """Remove a folder and its files. The supervisor of a server that has ended does it, too."""
    if not os.path.isdir(path) or os.path.islink(path):
        return
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return
    for name in names:
        _without(os.unlink, os.path.join(path, name))
    _without(os.rmdir, path)


def _without(remove: Callable[[str], None], path: str) -> None:
    """See to it that a path is gone, whoever removes it first."""
    try:
        remove(path)
    except FileNotFoundError:
        pass
