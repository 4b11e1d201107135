"""The name and arguments that others see of a process that was forked (``ps``, /proc/PID/cmdline).

They lie where the kernel put them when the parent was started, so the parent is started with room.
"""

from __future__ import annotations

import ctypes

from .system_calls import set_name

ROOM = 2048  # bytes, for a server's arguments
ARG_START, ARG_END = 47, 48  # fields of /proc/PID/stat, counted from 0 (proc(5))


def padded(text: str) -> str:
    """An argument that makes the room."""
    return text.ljust(ROOM)


def show(argv: list[bytes], name: bytes) -> bool:
    """Have these arguments and this name, if there is room; what is left over is NUL."""
    set_name(name)
    try:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return False
    start, end = int(fields[ARG_START - 2]), int(fields[ARG_END - 2])
    title = b"\0".join(argv) + b"\0"
    if not start or len(title) > end - start:
        return False
    ctypes.memmove(start, title.ljust(end - start, b"\0"), end - start)
    return True
