"""End the capture of a ring once everything until now is in it, and print what dumpcap said.

The argument is the ring's folder. The kernel hands packets over in blocks, a quarter of a second
late, and dumpcap leaves those in the last block. So a mark is sent through the loopback, which is
captured too: when the ring has it, it has everything before. Without a mark after some seconds the
exit code is 3, and the last packets may be missing. It is 4 where dumpcap had ended before that was
asked for, so that nobody knows since when packets are missing.
"""

import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from pathlib import Path

PATIENCE = 10.0
"""Seconds for the mark, and for the end of dumpcap."""


def send(mark: bytes) -> None:
    """One connection on the loopback that carries the mark."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(mark)


def has(folder: Path, mark: bytes) -> bool:
    """Whether the newest files of the ring have it; it may be in the one that was just full."""
    newest = sorted(folder.glob("ring_*.pcapng"))[-2:]
    return any(mark in path.read_bytes() for path in newest)


def runs(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def main() -> int:
    folder = Path(sys.argv[1])
    pid = int((folder / "pid").read_text())
    ended = folder / "ended"
    if ended.exists():
        return 0
    if not runs(pid):
        return 4
    mark = b"hublab-mark-" + secrets.token_hex(16).encode()
    send(mark)
    end = time.monotonic() + PATIENCE
    while not (marked := has(folder, mark)) and runs(pid) and time.monotonic() < end:
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    end = time.monotonic() + PATIENCE
    while runs(pid):
        if time.monotonic() > end:
            print("dumpcap does not end", file=sys.stderr)
            return 1
        time.sleep(0.02)
    ended.touch()
    print((folder / "log").read_text())
    return 0 if marked else 3


if __name__ == "__main__":
    sys.exit(main())
