"""What a process that outlives its parent has open."""

from __future__ import annotations

import fcntl
import os

BEYOND = 20  # above whatever is arranged


def arrange(*sources: int) -> None:
    """Have these as 0, 1, 2 and so on, inherited by what is run, and nothing else open."""
    # out of each other's way first
    copies = [fcntl.fcntl(number, fcntl.F_DUPFD, BEYOND) for number in sources]
    for target, copy in enumerate(copies):
        os.dup2(copy, target)
    for name in os.listdir("/proc/self/fd"):
        if int(name) >= len(sources):
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing's own
