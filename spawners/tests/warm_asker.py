"""Asks a warm parent as a launcher would, and as none would. Runs as the account that asks.

``python -IS warm_asker.py SOCKET WHAT``; prints one line of JSON. Standard library only.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import struct
import sys
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

START = b"start 1"


def connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    connection.settimeout(20)
    return connection


def send(connection: socket.socket, data: bytes, descriptors: list[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    with contextlib.suppress(BrokenPipeError):  # it has hung up, and said why
        connection.sendmsg([data], rights if descriptors else [])


def answer(connection: socket.socket) -> dict[str, object]:
    """What it says; nothing if it only hangs up."""
    try:
        data = connection.recv(4096)
    except ConnectionResetError:  # it has left something unread; what it said is still there
        data = connection.recv(4096)
    said: dict[str, object] = json.loads(data or b"{}")
    return said


class Start:
    """A start with pipes for reports and orders."""

    def __init__(self, path: str) -> None:
        self.folder = tempfile.mkdtemp()
        place = os.open(self.folder, os.O_RDONLY)
        log = os.open(self.folder + "/server.log", os.O_WRONLY | os.O_CREAT, 0o600)
        self.reports, report = os.pipe()
        orders, self.opener = os.pipe()
        given = [log, report, orders, log, place]
        with connect(path) as connection:
            send(connection, START, given)
            self.said = answer(connection)
        for number in {*given}:
            os.close(number)

    def report(self) -> dict[str, object]:
        line = b""
        while not line.endswith(b"\n"):
            more = os.read(self.reports, 1)
            if not more:
                break
            line += more
        found: dict[str, object] = json.loads(line or b"{}")
        return found

    def order(self, argv: list[str], env: dict[str, str]) -> None:
        """Be this program, as ``becoming`` has it; warm if it is a server of the environment."""
        fields = ["63", "/", "1", argv[0], str(len(argv)), *argv]
        fields += [f"{name}={value}" for name, value in env.items()]
        body = "\0".join(fields).encode()
        data = b"%d\0%s" % (len(body), body)
        while data:
            data = data[os.write(self.opener, data) :]
        os.close(self.opener)


def identity(path: str) -> dict[str, object]:
    """Who the keeper's server is, by its own word (it runs id and shows its status)."""
    one = Start(path)
    if "keeper" not in one.said:
        return one.said
    one.report()
    one.order(["/bin/cat", "/proc/self/status"], {"PATH": "/usr/bin:/bin"})
    while "exit" not in one.report():
        continue
    with open(one.folder + "/server.log") as log, open(one.folder + "/exit.json") as code:
        return {"status": log.read(), "exit": json.load(code)}


def hold(path: str) -> dict[str, object]:
    """Have a keeper until somebody says that it is enough."""
    one = Start(path)
    print(json.dumps(one.said), flush=True)
    sys.stdin.read()
    os.close(one.opener)
    os.close(one.reports)
    return {}


def many(path: str, times: str) -> dict[str, object]:
    """Starts that nobody tells what to become; how many had a keeper."""
    said = 0
    for _ in range(int(times)):
        one = Start(path)
        said += "keeper" in one.said
        os.close(one.opener)
        os.close(one.reports)
    return {"keepers": said}


def flood(path: str) -> dict[str, object]:
    """More connections than an account may have, which never speak; until we are killed."""
    held = []
    print(json.dumps({"floods": True}), flush=True)
    while True:
        held = [connect(path) for _ in range(40)]
        for connection in held:
            connection.close()
        held = [connect(path) for _ in range(20)]


def lingering() -> int:
    """A socket whose last close waits for a minute."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            ours.send(b"x" * 65536)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
    theirs.detach()  # never read, and open while we live
    return ours.detach()


def linger(path: str, data: str, times: str) -> dict[str, object]:
    """Leave the last close of such a socket to the parent."""
    connection = connect(path)
    for _ in range(int(times)):
        sock = lingering()
        send(connection, data.encode(), [sock] * 5)
        os.close(sock)
    print(json.dumps({"sent": True}), flush=True)
    sys.stdin.read()
    return {}


def main() -> None:
    _, path, what, *arguments = sys.argv
    doing: dict[str, Callable[..., dict[str, object]]] = {
        "identity": identity, "hold": hold, "many": many, "flood": flood, "linger": linger,
    }  # fmt: skip
    print(json.dumps(doing[what](path, *arguments)), flush=True)


if __name__ == "__main__":
    main()
