"""Becomes the account of the launcher, and like the launcher: what a child of it would have."""

from __future__ import annotations

import os
import resource
import signal
import socket

from . import cgroups
from .peer import Peer, fields, read
from .refusal import Cold
from .system_calls import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    join_new_session_keyring,
    prctl,
)  # fmt: skip

LIMITS = {  # as /proc/PID/limits calls them
    "Max cpu time": "RLIMIT_CPU", "Max file size": "RLIMIT_FSIZE",
    "Max data size": "RLIMIT_DATA", "Max stack size": "RLIMIT_STACK",
    "Max core file size": "RLIMIT_CORE", "Max resident set": "RLIMIT_RSS",
    "Max processes": "RLIMIT_NPROC", "Max open files": "RLIMIT_NOFILE",
    "Max locked memory": "RLIMIT_MEMLOCK", "Max address space": "RLIMIT_AS",
    "Max pending signals": "RLIMIT_SIGPENDING", "Max msgqueue size": "RLIMIT_MSGQUEUE",
    "Max nice priority": "RLIMIT_NICE", "Max realtime priority": "RLIMIT_RTPRIO",
    "Max realtime timeout": "RLIMIT_RTTIME",
}  # fmt: skip
NOT_IN_MODULE = {"Max file locks"}  # of Linux 2.4
UNSET = "4294967295"  # a loginuid that nobody has set


def become(peer: Peer, connection: socket.socket) -> None:
    """Raises Cold where that cannot be whole. Root becomes the account; a user's parent is it.

    In this order: what needs the privilege, the account, what only the account may look at.
    """
    as_root = os.getuid() == 0
    if as_root:
        prctl(PR_SET_DUMPABLE, 0)  # no core of what is still root's, whatever limits it takes
    status = peer.status()
    groups = peer.groups(connection)
    cgroups.follow(peer.pid, sessions_differ=not as_root)
    _follow_file(peer, "oom_score_adj")
    _follow_login(peer)
    _follow_schedule(peer)
    _follow_limits(peer)
    _follow_privileges(status)
    _follow_signals(status)
    if as_root:
        os.setgroups(groups)
        os.setresgid(peer.gid, peer.gid, peer.gid)
        os.setresuid(peer.uid, peer.uid, peer.uid)
    _check_account(peer, groups)
    os.umask(0o077)
    # else nobody, its own account included, could see what it has open: the marker
    prctl(PR_SET_DUMPABLE, 1)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        join_new_session_keyring()
    except OSError as error:
        raise Cold("cannot have a keyring of its own: %s" % error.strerror) from error
    _check_followed(peer, ("limits", "oom_score_adj") + (("cgroup",) if as_root else ()))
    peer.check_likeness()


def _check_followed(peer: Peer, names: tuple[str, ...]) -> None:
    """Raises Cold where it is not so any more: it may have been for a moment, as in sudo."""
    for name in names:
        theirs = peer.read(name)
        if not theirs or theirs != read("self", name):
            raise Cold("the launcher has changed its %s" % name)


def _check_account(peer: Peer, groups: list[int]) -> None:
    """Raises Cold, or ends all if root was not left for good."""
    if os.getresuid() != (peer.uid,) * 3 or os.getresgid() != (peer.gid,) * 3:
        raise Cold("the launcher has another account or group")
    if set(os.getgroups()) != set(groups):
        raise Cold("the launcher has other groups")
    try:
        os.setresuid(0, 0, 0)
    except OSError:
        return
    os._exit(70)  # it must not be possible, so nothing is safe to do


def _follow_file(peer: Peer, name: str) -> None:
    theirs = peer.read(name)
    if theirs == read("self", name):
        return
    try:
        with open("/proc/self/" + name, "w") as target:
            target.write(theirs.strip())
    except OSError as error:
        raise Cold("cannot have the launcher's %s: %s" % (name, error.strerror)) from error


def _follow_login(peer: Peer) -> None:
    """The login uid, by which the audit system knows whose deed something is."""
    if peer.read("loginuid").strip() not in ("", UNSET) or read("self", "loginuid") != UNSET:
        _follow_file(peer, "loginuid")


def _follow_schedule(peer: Peer) -> None:
    try:
        nice, cores = os.getpriority(os.PRIO_PROCESS, peer.pid), os.sched_getaffinity(peer.pid)
        if nice != os.getpriority(os.PRIO_PROCESS, 0):
            os.setpriority(os.PRIO_PROCESS, 0, nice)
        if cores != os.sched_getaffinity(0):
            os.sched_setaffinity(0, cores)
        if os.sched_getscheduler(peer.pid) != os.sched_getscheduler(0):
            raise Cold("the launcher has another scheduling policy")
    except OSError as error:
        raise Cold("cannot have the launcher's priority: %s" % error.strerror) from error


def _follow_signals(theirs: dict[str, str]) -> None:
    """The signals that are blocked, which an exec passes on: numbers from 1, as bits from 0."""
    blocked = int(theirs["SigBlk"], 16)
    signal.pthread_sigmask(
        signal.SIG_SETMASK,
        [number for number in signal.valid_signals() if blocked & 1 << number - 1],
    )


def _follow_limits(peer: Peer) -> None:
    for line in peer.read("limits").splitlines()[1:]:
        name, values = line[:26].strip(), line[26:].split()
        if name in NOT_IN_MODULE:
            continue
        number = getattr(resource, LIMITS.get(name, ""), None)
        if number is None:
            raise Cold("the limit %r is not known here" % name)
        wanted = tuple(-1 if value == "unlimited" else int(value) for value in values[:2])
        if resource.getrlimit(number) == wanted:
            continue
        try:
            resource.setrlimit(number, (wanted[0], wanted[1]))
        except (OSError, ValueError) as error:
            raise Cold("cannot have the launcher's limit %r: %s" % (name, error)) from error


def _follow_privileges(theirs: dict[str, str]) -> None:
    """No more than the launcher could ever get, and as much: a terminal may need sudo."""
    ours = fields(read("self", "status"))
    if theirs.get("NoNewPrivs") != ours.get("NoNewPrivs"):
        if ours.get("NoNewPrivs") != "0":
            raise Cold("no process here can gain privileges, while the launcher could")
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    allowed, bound = int(theirs["CapBnd"], 16), int(ours["CapBnd"], 16)
    if allowed & ~bound:
        raise Cold("the launcher could gain capabilities that the parent has not")
    for number in range(64):
        if bound & ~allowed & 1 << number:
            prctl(PR_CAPBSET_DROP, number)
    if os.getuid() == 0:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
