"""What others see of a process that was forked: name, arguments, environment (``ps``, /proc/PID).

They lie where the kernel put them when the parent was started, so the parent is started with room.
"""

from __future__ import annotations

import ctypes

from .system_calls import set_name

ROOM = 2048  # bytes, for a server's arguments
PADDING = {"SSHSPAWNER_ROOM": " " * 24576}
"""A variable that makes room for a server's environment. The parent itself does without it."""
ARGUMENTS, ENVIRONMENT = 47, 49  # fields of /proc/PID/stat, counted from 0, each with its end next


def padded(text: str) -> str:
    """An argument that makes the room."""
    return text.ljust(ROOM)


def show(argv: list[bytes], name: bytes) -> bool:
    """Have these arguments and this name, if there is room; what is left over is NUL."""
    set_name(name)
    return _fill(ARGUMENTS, argv)


def show_environment(env: dict[bytes, bytes]) -> bool:
    """Have this environment, if there is room. Only once nothing of the parent's is in use."""
    return _fill(ENVIRONMENT, [name + b"=" + value for name, value in env.items()])


def _fill(field: int, words: list[bytes]) -> bool:
    try:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return False
    start, end = int(fields[field - 2]), int(fields[field - 1])  # pid and name came before
    content = b"".join(word + b"\0" for word in words)
    if not start or len(content) > end - start:
        return False
    ctypes.memmove(start, content.ljust(end - start, b"\0"), end - start)
    return True
