"""The lease: a small process that undoes things when its owner dies, in any way.

The owner has the writing end of a pipe. The guard, a process in a session of its own, has the
reading end. When the owner dies, even by SIGKILL, the kernel closes the pipe. The guard then kills
the children that the owner registered, and runs the undo commands, the newest first.

    with Guard.start(undo=[["docker", "compose", …, "down"]], log=path) as guard:
        guard.watch_child(compose.pid)
        guard.add("freeze-node1", ["docker", "unpause", "lab-node1-1"])
        guard.drop("freeze-node1")
        guard.release()  # nothing is undone any more

Leaving the block without `release` undoes everything at once, like the owner's death.
The other side of the pipe is in `hublab.guard.process`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hublab.errors import InternalError
from hublab.guard import process as guard_process

_RELEASE_TIMEOUT = 10.0


class Guard:
    """The owner's end of a lease. Safe to use from several threads.

    A process forked from the owner does not have the lease, and its calls here do nothing.
    """

    def __init__(self, process: subprocess.Popen[bytes], pipe: int, log: Path | None) -> None:
        """Use `Guard.start`."""
        self._process = process
        self._log = str(log) if log else None
        self._pipe = pipe
        self._lock = threading.Lock()
        _LIVING.add(self)

    @classmethod
    def start(
        cls,
        undo: Sequence[Sequence[str]] = (),
        *,
        log: Path | None = None,
        timeout: float = 60.0,
    ) -> Guard:
        """Start a guard that will run the `undo` commands, the last one first.

        Each command runs in `/`, with the present environment, for at most `timeout` seconds. One
        that fails does not keep the others from running. The guard writes `log` only when it acts.
        Raises InternalError when no process can be started.
        """
        reading, writing = os.pipe()  # programs that are started inherit neither end
        argv = guard_process.argv(log=log.absolute() if log else None, timeout=timeout)
        try:
            process = subprocess.Popen(
                argv,
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except OSError as bad:
            os.close(writing)
            raise InternalError(f"cannot start the guard: {bad}", where=argv[0]) from bad
        finally:
            os.close(reading)
        guard = cls(process, writing, log)
        for number, command in enumerate(undo):
            guard.add(f"undo-{number}", command)
        return guard

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._process.pid

    def add(self, key: str, argv: Sequence[str]) -> None:
        """Also run `argv`, before all commands added earlier; replaces the command of the same key.

        Once this returns, the guard runs it whatever happens to the owner. So call it before the
        action that needs undoing.
        """
        self._send("add", key=key, argv=list(argv))

    def drop(self, key: str) -> None:
        """Remove an undo command that is no longer needed. An unknown key is no error."""
        self._send("drop", key=key)

    def watch_child(self, pid: int) -> None:
        """Kill this process before undoing, with its whole process group if it leads one.

        Pid and start time identify it, so another process that gets the pid later is safe. A
        process that has already ended is no error.
        """
        child = guard_process.identify(pid)
        if child is not None:
            self._send("watch", child=child)

    def release(self) -> None:
        """End the guard without undoing anything. Releasing twice is no error."""
        with contextlib.suppress(InternalError):  # a guard that was killed undoes nothing either
            self._send("release")
        self._close(_RELEASE_TIMEOUT)

    def undo(self, timeout: float | None = None) -> None:
        """Undo everything now and wait for it; after `release` this does nothing.

        Raises InternalError when something could not be undone, when the guard was killed, and
        when it is not done after `timeout` seconds (it goes on by itself then).
        """
        code = self._close(timeout)
        if code:
            reason = f"killed by signal {-code}" if code < 0 else "not everything was undone"
            raise InternalError(f"the guard (pid {self.pid}): {reason}", where=self._log)

    def _close(self, timeout: float | None) -> int:
        with self._lock:
            if self._pipe < 0:
                return 0
            os.close(self._pipe)
            self._pipe = -1
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise InternalError(
                f"the guard (pid {self.pid}) is not done yet", where=self._log
            ) from None

    def _send(self, action: str, **fields: object) -> None:
        with self._lock:
            if self._pipe >= 0:
                self._write(action, **fields)

    def _write(self, action: str, **fields: object) -> None:
        data = json.dumps({"action": action, **fields}).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except BrokenPipeError:
            raise InternalError(f"the guard (pid {self.pid}) is gone: was it killed?") from None

    def _forget(self) -> None:
        # In a forked child, its copy of the pipe would keep the guard waiting after the owner's
        # death. It takes no lock, for the fork may have copied a locked one.
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.undo()
        except InternalError as bad:
            if error is None:
                raise
            error.add_note(str(bad))  # the first error is the one to report


_LIVING: weakref.WeakSet[Guard] = weakref.WeakSet()


def _forget_all() -> None:
    for guard in _LIVING:
        guard._forget()


os.register_at_fork(after_in_child=_forget_all)
