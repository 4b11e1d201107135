"""Processes, read from /proc: who lives, who is whose, who has a socket open."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable


class Stat:
    """The fields of ``/proc/<pid>/stat`` that identify and relate a process."""

    def __init__(self, fields: list[bytes]) -> None:
        self.state = fields[0].decode()
        self.ppid, self.pgrp, self.session = (int(field) for field in fields[1:4])
        self.ticks = int(fields[19])

    @property
    def lives(self) -> bool:
        """A zombie does not: it only waits for somebody to take its exit status."""
        return self.state not in "ZX"


def process(pid: int) -> Stat | None:
    """What the kernel says about a process, or None."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return Stat(fields) if len(fields) >= 20 else None


def processes() -> dict[int, Stat]:
    """Every process there is."""
    found = {}
    for name in os.listdir("/proc"):
        stat = process(int(name)) if name.isdigit() else None
        if stat:
            found[int(name)] = stat
    return found


def alive(pid: int, ticks: int) -> bool:
    """Whether this very process lives, and not another that got its number later."""
    stat = process(pid) if pid else None
    return bool(stat and stat.lives and stat.ticks == ticks)


def open_files(pid: int) -> Iterable[str]:
    """What the process has open, as far as we may know."""
    base = "/proc/%d/fd" % pid
    try:
        names = os.listdir(base)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink("%s/%s" % (base, name))
        except OSError:
            continue


def holds_marker(pid: int, instance: str) -> bool:
    """Whether the process has the instance's marker open: inherited, so nobody else can.

    Not the environment: a forked process shows its parent's.
    """
    wanted = "/%s/marker" % instance
    return any(path.replace(" (deleted)", "").endswith(wanted) for path in open_files(pid))


def members(record: dict[str, Any], instance: str) -> dict[int, int]:
    """Living processes of the instance as ``{pid: ticks}``: its tree, whatever their sessions.

    Jupyter's kernels and terminals are sessions of their own. The supervisor is a sub-reaper, so
    what daemonised below it is still its descendant. Where the supervisor was killed, its session
    and the server's tree are what is left to go by.
    """
    if not record:
        return {}
    roots = {
        pid
        for pid, ticks in (
            (record["leader"], record["leader_ticks"]),
            (record["pid"], record["ticks"]),
        )
        if alive(pid, ticks) and holds_marker(pid, instance)
    }
    if not roots:
        return {}
    table = processes()
    inside = roots | {pid for pid, stat in table.items() if stat.session == record["leader"]}
    more = inside
    while more:
        more = {pid for pid, stat in table.items() if stat.ppid in inside} - inside
        inside |= more
    inside.discard(os.getpid())
    return {pid: table[pid].ticks for pid in inside if pid in table and table[pid].lives}


def send(pid: int, ticks: int, number: int) -> None:
    """Signal a process if it is still the one that is meant; a pidfd closes the gap between."""
    handle = -1
    try:
        if hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal"):  # Python 3.9
            handle = os.pidfd_open(pid)
        if not alive(pid, ticks):
            return
        if handle >= 0:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended meanwhile, which is what the signal was for
    finally:
        if handle >= 0:
            os.close(handle)


def owns(pids: Iterable[int], sockets: set[str]) -> bool:
    """Whether one of the processes has one of the sockets open."""
    return bool(sockets) and any(path in sockets for pid in pids for path in open_files(pid))
