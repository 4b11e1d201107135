"""What s6 supervises in a warm hub's place: has the parent fork a hub, and lives as long as that.

s6 waits only for a process that it has started itself, and the hub is the child of another
(parent.py). So this stand-in passes signals on to the hub and ends as the hub ends: with its exit
code, or by its signal. If it is killed, the parent and s6's `finish` end the hub.
/run/hublab/hub.pid holds its own pid and the hub's.

Where the parent may not fork this hub, this becomes the cold hub: it executes the same command.

    start.py PROGRAM [ARGUMENT]...        as root, in the environment that the hub is to have
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import NoReturn

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = "/run/hublab"
SOCKET = f"{RUN}/warm.sock"
PIDS = f"{RUN}/hub.pid"
SECRETS = "/etc/hublab/env"
AS_HUB = "/usr/local/lib/hublab/as_hub"
PATIENCE = 30.0
"""Seconds for the parent's answer. The first hub of a host waits for all imports."""
PASSED_ON = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "CONT", "TSTP", "WINCH")
UNKNOWN_END = 255
LIMITS = 16
"""How many resource limits Linux has (RLIM_NLIMITS)."""


def main(argv: list[str]) -> NoReturn:
    signals = {getattr(signal, f"SIG{name}") for name in PASSED_ON}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        connection = connect(argv)
        request(connection, argv)
        answer = receive(connection)
    except (OSError, ValueError) as error:
        answer = {"cold": f"no parent that has done the imports: {error}"}
    if answer is None:
        answer = {"cold": f"the parent has ended, see {RUN}/warm.log"}
    if "pid" not in answer:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        cold(argv, answer["cold"])
    stand_in(connection, answer["pid"], signals)


def cold(argv: list[str], reason: str) -> NoReturn:
    """Become a hub that does its own imports."""
    print(f"hublab: the hub does its own imports: {reason}", flush=True)
    os.execv(AS_HUB, [AS_HUB, *argv])


# -- asking the parent -----------------------------------------------------------


def connect(argv: list[str]) -> socket.socket:
    """A connection to the parent, which is started if there is none."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(SOCKET)
    except (FileNotFoundError, ConnectionRefusedError):
        start_parent(argv)
        connection.connect(SOCKET)
    return connection


def start_parent(argv: list[str]) -> None:
    """Start the parent. It gets its socket from here, so that one can connect at once."""
    os.makedirs(RUN, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    mask = os.umask(0o177)  # only root connects
    listener.bind(SOCKET)
    listener.listen(8)
    os.umask(mask)
    command = hub_command(argv)
    # Its heap will be in every hub and `ps` shows its arguments: no secret is in either.
    secret = set(os.listdir(SECRETS)) if os.path.isdir(SECRETS) else set()
    environment = {name: value for name, value in os.environ.items() if name not in secret}
    own = [command[0], f"{HERE}/parent.py"]
    # A forked hub's arguments are written over these, so they need the same length.
    length = sum(len(one) + 1 for one in command) - sum(len(one) + 1 for one in own) - 1
    if length < 1:
        raise ValueError("the hub's command is too short")
    if os.fork():
        listener.close()
        return
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        log = os.open(f"{RUN}/warm.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for given, wanted in ((nothing, 0), (log, 1), (log, 2), (listener.fileno(), 3)):
            os.dup2(given, wanted)
        os.closerange(4, 256)
        os.execve(own[0], [*own, "-" * length], environment)
    finally:
        os._exit(111)


def hub_command(argv: list[str]) -> list[str]:
    """The arguments that the kernel gives a script's interpreter (execve(2))."""
    for folder in os.environ.get("PATH", "").split(":"):
        script = os.path.join(folder, argv[0])
        if os.access(script, os.X_OK):
            with open(script, "rb") as file:
                line = file.readline().decode()
            if line.startswith("#!"):
                return [*line[2:].split(None, 1), script, *argv[1:]][: len(argv) + 2]
    raise ValueError(f"{argv[0]} is no script on PATH")


def request(connection: socket.socket, argv: list[str]) -> None:
    mask = os.umask(0)
    os.umask(mask)
    body = json.dumps(
        {
            "command": hub_command(argv),
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "umask": mask,
            "limits": limits(),
        }
    ).encode("utf-8", "surrogateescape")
    # The descriptors go with the first bytes.
    socket.send_fds(connection, [len(body).to_bytes(4, "big")], [0, 1, 2])
    connection.sendall(body)


def limits() -> list[list[int]]:
    """All resource limits of this process, in the order of their numbers."""
    return [list(resource.getrlimit(number)) for number in range(LIMITS)]


def receive(connection: socket.socket) -> dict | None:
    """One line of JSON; None when the parent has ended."""
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            return None
        line += piece
    return json.loads(line)


# -- while the hub runs ----------------------------------------------------------


def stand_in(connection: socket.socket, pid: int, signals: set[signal.Signals]) -> NoReturn:
    hub = os.pidfd_open(pid)
    with open(f"{PIDS}.new", "w") as file:
        file.write(f"{os.getpid()} {pid}\n")
    os.rename(f"{PIDS}.new", PIDS)
    connection.settimeout(None)

    def pass_on(number: int, frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            signal.pidfd_send_signal(hub, number)

    for number in signals:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    end = receive(connection)
    if end is None:  # somebody killed the parent, which costs no running hub
        waiting = select.poll()
        waiting.register(hub, select.POLLIN)
        waiting.poll()
        print("hublab: how the hub ended is unknown, because its parent was killed", flush=True)
        os._exit(UNKNOWN_END)
    if "code" in end:
        os._exit(end["code"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = end["signal"]
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])
