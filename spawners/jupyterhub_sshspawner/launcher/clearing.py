"""The end of an instance. A program of its own, which the supervisor becomes after the server.

It ends what the server left behind, kernels and terminals included: all below it, because what
daemonised has the supervisor for its parent, and all in its session.
"""

from __future__ import annotations

import os
import sys
import time

from .processes import below, send, wait_for_end

TERM, KILL = 15, 9
POLL = 0.03


def left() -> dict[int, int]:
    """What still runs, as ``{pid: ticks}``."""
    return below({os.getpid()}, os.getpid())


def sweep() -> None:
    """Ask it to end, then end it."""
    for number, patience in ((TERM, 2.0), (KILL, 2.0)):
        until = time.monotonic() + patience
        inside = left()
        for pid, ticks in inside.items():
            send(pid, ticks, number)
        while inside and time.monotonic() < until:
            wait_for_end(inside, POLL)
            _reap()
            inside = left()


def _reap() -> None:
    """Take the exit status of whatever has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def forget(folder: str) -> None:
    """Remove the secrets."""
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


def main() -> None:
    """Sweep, and remove the secrets, whose folder is the argument."""
    sweep()
    forget(sys.argv[1])
