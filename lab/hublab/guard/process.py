"""The guard's own process: it waits for the end of a pipe, then kills and undoes.

It runs as a file, isolated and without site packages. So it starts in about 30 ms and depends on
nothing that may be gone when it has to act. It uses only the standard library. Its owner is
`hublab.guard.lease.Guard`, which writes lines of JSON to this process's standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, TypedDict

_DEATH_TIMEOUT = 5.0
_STAT_PGRP, _STAT_SESSION, _STAT_START = 2, 3, 19  # counted after the name, see proc(5)


class Child(TypedDict):
    """A process, identified by its pid and the clock tick in which it started."""

    pid: int
    start: int
    group: int
    session: int


def argv(*, log: object | None, timeout: float) -> list[str]:
    """The command that starts a guard; with `log` None it logs nothing."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(log or ""), str(timeout)]


def identify(pid: int) -> Child | None:
    """The process that has this pid now; None if there is none, or only a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, *rest = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if state in (b"Z", b"X"):
        return None
    # `rest` begins with the parent's pid; the state before it counts as field 0.
    fields = [0, *map(int, rest)]
    return Child(
        pid=pid,
        start=fields[_STAT_START],
        group=fields[_STAT_PGRP],
        session=fields[_STAT_SESSION],
    )


def living_processes() -> dict[int, Child]:
    """All living processes of this machine."""
    found = (identify(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {process["pid"]: process for process in found if process is not None}


def targets(child: Child, living: dict[int, Child]) -> Iterator[int]:
    """The pids to kill for a watched child: itself, and its group if it led one.

    When the leader has gone, the members of its group that are in the same session and not older
    than it are its children: the kernel does not reuse a pid while a group has that number.
    """
    now = living.get(child["pid"])
    if now is not None and now["start"] != child["start"]:
        return  # another process has the pid, so the group had ended
    if now is not None:
        yield child["pid"]
    if child["group"] != child["pid"]:
        return
    for pid, member in living.items():
        same = all(member[key] == child[key] for key in ("group", "session"))
        if same and pid != child["pid"] and member["start"] >= child["start"]:
            yield pid


class Ledger:
    """What the owner has registered so far: children, undo commands, and the release."""

    def __init__(self) -> None:
        """There is nothing to undo yet."""
        self.children: list[Child] = []
        self.undo: dict[str, list[str]] = {}
        self.released = False

    def read(self, pipe: BinaryIO) -> None:
        """Apply the owner's messages until the pipe ends, which is when the owner has ended."""
        for line in pipe:
            with contextlib.suppress(ValueError):  # the owner died in the middle of a line
                self.apply(json.loads(line))

    def apply(self, message: dict[str, object]) -> None:
        """Apply one message; an unknown one changes nothing."""
        match message:
            case {"action": "add", "key": str(key), "argv": list(command)}:
                self.undo.pop(key, None)  # so that it counts as the newest
                self.undo[key] = command
            case {"action": "drop", "key": str(key)}:
                self.undo.pop(key, None)
            case {"action": "watch", "child": dict(child)}:
                self.children.append(Child(**child))  # type: ignore[typeddict-item]
            case {"action": "release"}:
                self.released = True


class Undoing:
    """Kills and undoes after the owner's end, with a log; `log` may be None."""

    def __init__(self, log: str | None, timeout: float) -> None:
        """Nothing starts yet; each command will have `timeout` seconds."""
        self.timeout = timeout
        self.failed = False
        try:
            self.output = open(log or os.devnull, "ab", buffering=0)  # noqa: SIM115
        except OSError:  # undoing matters more than logging
            self.output = open(os.devnull, "ab", buffering=0)  # noqa: SIM115

    def log(self, text: str) -> None:
        """Log one line, if possible."""
        line = f"{time.strftime('%H:%M:%S')} guard {os.getpid()}: {text}\n"
        with contextlib.suppress(OSError):
            self.output.write(line.encode(errors="backslashreplace"))

    def kill(self, children: list[Child]) -> None:
        """Kill what the owner left running, and wait for its end: it could undo our undoing."""
        give_up = time.monotonic() + _DEATH_TIMEOUT
        logged: set[int] = set()
        while pids := self._remaining(children):
            if time.monotonic() > give_up:
                self.log(f"still running: {sorted(pids)}")
                self.failed = True
                return
            for pid in pids - logged:
                self.log(f"kill {pid}")
            logged |= pids
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    @staticmethod
    def _remaining(children: list[Child]) -> set[int]:
        living = living_processes() if children else {}
        return {pid for child in children for pid in targets(child, living)}

    def run(self, command: list[str]) -> None:
        """Run one undo command to its end, or kill it with its group when its time is up."""
        self.log(f"run {command}")
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as bad:
            self.log(f"cannot run it: {bad}")
            self.failed = True
            return
        try:
            code = process.wait(self.timeout)
            self.log(f"exit code {code}")
        except subprocess.TimeoutExpired:
            self.log(f"killed after {self.timeout} s")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        self.failed |= code != 0


def main(log: str, timeout: float) -> int:
    """Wait for the owner's end and undo; returns 1 if something could not be undone."""
    # Handlers, not SIG_IGN, which the undo commands would inherit.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    ledger = Ledger()
    ledger.read(sys.stdin.buffer)
    if ledger.released:
        return 0
    undoing = Undoing(log, timeout)
    undoing.log("the owner is gone or has ended its lease")
    undoing.kill(ledger.children)
    for command in reversed(ledger.undo.values()):
        undoing.run(command)
    undoing.log("done")
    return int(undoing.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
