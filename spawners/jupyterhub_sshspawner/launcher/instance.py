"""The directory of one instance: its records, its locks, its secrets, its log."""

from __future__ import annotations

import fcntl
import json
import os
import socket

from .processes import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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


class Instance:
    """One instance, as its files tell."""

    def __init__(self, run_dir: str, name: str) -> None:
        self.name = name
        self.root = os.path.expanduser(run_dir)
        self.path = os.path.join(self.root, name)
        self.secrets = os.path.join(self.path, "secrets")
        self.known: dict[str, Any] = {}

    def create(self, to_start: bool = False) -> None:
        """Make the directory, ours and for us alone.

        Only a start needs to write there: a full disk must not keep a server from being ended.
        """
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            for path in (self.root, self.path):
                if os.stat(path).st_uid != os.getuid():
                    raise Failed("run-dir", "%s belongs to somebody else" % path)
                os.chmod(path, 0o700)
            if to_start:
                self.write("probe", {})  # a full disk shows here, and is named
                self.remove("probe")
        except OSError as error:
            if not to_start:
                return
            raise Failed("run-dir", "cannot use %s: %s" % (self.path, error.strerror)) from error

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

    def note(self, name: str, body: dict[str, Any]) -> None:
        """Write a record, or do without it: a full disk must not keep us from cleaning up."""
        try:
            self.write(name, body)
        except OSError:
            pass  # nor can it be said: the log is on the same disk

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

    def tail(self, since: int = 0) -> str:
        """The end of the server's log, or of what has come since there was so much in it."""
        try:
            with open(self.file("server.log"), "rb") as log:
                before = os.fstat(log.fileno()).st_size - TAIL_BYTES
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
        if os.path.isdir(self.secrets):
            for name in os.listdir(self.secrets):
                os.unlink(os.path.join(self.secrets, name))
            os.rmdir(self.secrets)

    def lock(self, name: str, wait: bool) -> int | None:
        """An exclusive lock, held until the descriptor is closed; None if somebody has it."""
        handle = os.open(self.file(name), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def over(self) -> bool:
        """Whether it has ended, or never got a server, so that nothing more will come of it."""
        failed = self.read("reply.json").get("state") == "failed"
        return (failed or self.has("exit.json") or self.has("stop")) and not self.members()

    def prune(self) -> None:
        """Forget the oldest instances that are over."""
        ended = []
        for name in os.listdir(self.root):
            other = Instance(self.root, name)
            if name != self.name and other.over():
                try:
                    ended.append((os.path.getmtime(other.path), other))
                except OSError:
                    continue  # another start has pruned it meanwhile
        for _, other in sorted(ended, key=lambda pair: pair[0])[:-KEEP_ENDED]:
            try:
                other.forget_secrets()
                for name in os.listdir(other.path):
                    other.remove(name)
                os.rmdir(other.path)
            except OSError:
                continue  # another start is at it as well
