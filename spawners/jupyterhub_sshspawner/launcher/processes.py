"""Processes, read from /proc: who lives, who is whose, who has a socket open."""

from __future__ import annotations

import os
import select
import signal
import time

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


def open_files(pid: int) -> Iterable[tuple[str, str]]:
    """What the process has open, as far as we may know: its name in /proc, and what that says."""
    base = "/proc/%d/fd" % pid
    try:
        names = os.listdir(base)
    except OSError:
        return
    for name in names:
        path = "%s/%s" % (base, name)
        try:
            yield path, os.readlink(path)
        except OSError:
            continue


def identity(path: str) -> tuple[int, int]:
    """Device and inode of what is there or, in /proc, of what is open there; zeros of nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def holds_marker(pid: int, instance: str, marker: tuple[int, int]) -> bool:
    """Whether the process has the instance's marker open: inherited, so nobody else can.

    By device and inode, which stay when the file is renamed: so an NFS client does with an open
    file that is deleted. By its name where they are not known, as with servers of earlier versions.
    Not by the environment: a forked process shows its parent's.
    """
    wanted = "/%s/marker" % instance
    for path, target in open_files(pid):
        if target.replace(" (deleted)", "").endswith(wanted):
            return True
        if marker[1] and target.startswith("/") and identity(path) == marker:
            return True
    return False


def members(record: dict[str, Any], instance: str) -> dict[int, int]:
    """Living processes of the instance as ``{pid: ticks}``: its tree, whatever their sessions.

    Jupyter's kernels and terminals are sessions of their own. The supervisor is a sub-reaper, so
    what daemonised below it is still its descendant. Where the supervisor was killed, its session
    and the server's tree are what is left to go by.
    """
    if not {"leader", "leader_ticks", "pid", "ticks"} <= set(record):
        return {}  # none, or a damaged one
    marker = (record.get("device", 0), record.get("inode", 0))
    roots = {
        pid
        for pid, ticks in (
            (record["leader"], record["leader_ticks"]),
            (record["pid"], record["ticks"]),
        )
        if alive(pid, ticks) and holds_marker(pid, instance, marker)
    }
    return below(roots, record["leader"]) if roots else {}


def below(roots: set[int], session: int) -> dict[int, int]:
    """The trees of processes, and a session with the trees in it; not this process itself."""
    table = processes()
    inside = roots | {pid for pid, stat in table.items() if stat.session == session}
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


def wait_for_end(pids: Iterable[int], seconds: float) -> None:
    """Return when one of the processes has ended, at the latest after some seconds.

    Without pidfds (Python 3.8, a kernel before 5.3, who confines us) that is after those seconds.
    """
    handles = []
    try:
        for pid in pids:
            handles.append(os.pidfd_open(pid))
        waiting = select.poll()
        for handle in handles:
            waiting.register(handle, select.POLLIN)
        waiting.poll(seconds * 1000)
    except ProcessLookupError:
        pass  # it has ended already
    except (AttributeError, OSError):
        time.sleep(seconds)
    finally:
        for handle in handles:
            os.close(handle)


def owns(pids: Iterable[int], sockets: set[str]) -> bool:
    """Whether one of the processes has one of the sockets open."""
    return bool(sockets) and any(name in sockets for pid in pids for _, name in open_files(pid))
