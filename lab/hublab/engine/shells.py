"""Shells that stay open in containers, so that a command costs a few milliseconds.

Each command that the engine runs costs it a process of its own runtime, some 60 milliseconds of a
processor. A shell costs that once. It reads what to run from its input, so that neither arguments
nor environment of a command are in any other process's arguments, and ends with the connection.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import shlex
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import docker.errors
from docker.utils.socket import frames_iter

STDOUT, STDERR = 1, 2
"""Streams: Engine API, "ContainerAttach", "Stream format"."""
MOST_IDLE = 4
"""Shells of one container that are kept while nothing runs in them."""


class Shell:
    """A shell in a container, for one command after another. Not for several threads."""

    def __init__(self, api: Any, container: str, started: str) -> None:
        """Raises the SDK's errors; `started` is when the container was started."""
        self.started = started
        exec_id = api.exec_create(container, ["sh"], stdin=True)["Id"]
        # Nothing is lost of what the HTTP library reads ahead: the shell is silent until asked.
        self._stream = api.exec_start(exec_id, socket=True)
        self._socket = getattr(self._stream, "_sock", self._stream)
        self._socket.settimeout(None)  # a command may take as long as it takes
        self._frames = frames_iter(self._stream, tty=False)

    @property
    def lives(self) -> bool:
        """Whether it waits for a command: of one that has ended the end can be read."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return not waiting.poll(0)

    def run(self, script: str) -> tuple[int, bytes, bytes]:
        """The exit code, stdout and stderr of a script, which gets no input.

        Raises DockerException when the shell ends meanwhile, as with its container.
        """
        mark = secrets.token_hex(16)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what it said says why
            self._socket.sendall(framed(script, mark).encode())
        kept = {STDOUT: bytearray(), STDERR: bytearray()}
        end = f"\n{mark}".encode()
        code = b""
        for stream, piece in self._frames:
            kept[stream] += piece
            code = after(kept[STDOUT], end)
            if code.endswith(b"\n") and after(kept[STDERR], end).endswith(b"\n"):
                break
        else:
            said = bytes(kept[STDOUT]).decode(errors="replace").strip()
            raise docker.errors.DockerException(
                said or "its container, or its shell, ended meanwhile"
            )
        stdout, stderr = (bytes(kept[one]).rpartition(end)[0] for one in (STDOUT, STDERR))
        return int(code), stdout, stderr

    def close(self) -> None:
        """End the shell."""
        with contextlib.suppress(OSError):
            self._stream.close()
            self._socket.close()


def after(kept: bytearray, end: bytes) -> bytes:
    """What a stream has behind the mark of the end; looks at its last bytes only."""
    tail = bytes(kept[-len(end) - 8 :])
    return tail.partition(end)[2]


def framed(script: str, mark: str) -> str:
    """A script for a shell of its own, and the words that say on both streams where it ended.

    What the outer shell says of a command that a signal ended goes nowhere.
    """
    return (
        f"exec 3>&2 2>/dev/null\n( {script}\n) </dev/null 2>&3 3>&-\n"
        f"printf '\\n{mark} %d\\n' $?; exec 2>&3 3>&-; printf '\\n{mark}\\n' >&2\n"
    )


def script_of(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """The script that is this command, with these variables, and without the shell's own PWD."""
    exports = "".join(
        f"export {name}={shlex.quote(value)}; " for name, value in environment.items()
    )
    return f"unset PWD; {exports}exec {shlex.join(argv)}"


class Shells:
    """The open shells of one connection to an engine, by container; several threads may use it."""

    def __init__(self, client: Any) -> None:
        """`client` is the SDK's."""
        self._client = client
        self._lock = threading.Lock()
        self._idle: defaultdict[str, list[Shell]] = defaultdict(list)

    def started(self, container: str) -> str | None:
        """When a container was started in which a command can run now; None for any other."""
        state = self._client.api.inspect_container(container)["State"]
        return str(state["StartedAt"]) if state["Running"] and not state["Paused"] else None

    def run(
        self, container: str, started: str, argv: Sequence[str], environment: Mapping[str, str]
    ) -> tuple[int, bytes, bytes]:
        """The exit code, stdout and stderr of a command, which gets as long as it takes.

        Raises the SDK's errors.
        """
        return self.run_script(container, started, script_of(argv, environment))

    def run_script(self, container: str, started: str, script: str) -> tuple[int, bytes, bytes]:
        """The same of a script for the shell; what it changes of itself ends with the script."""
        shell = self._take(container, started)
        try:
            result = shell.run(script)
        except BaseException:
            shell.close()
            raise
        self._give_back(container, shell)
        return result

    def _take(self, container: str, started: str) -> Shell:
        with self._lock:
            while self._idle[container]:
                shell = self._idle[container].pop()
                if shell.started == started and shell.lives:
                    return shell
                shell.close()
        return Shell(self._client.api, container, started)

    def _give_back(self, container: str, shell: Shell) -> None:
        with self._lock:
            if len(self._idle[container]) < MOST_IDLE:
                self._idle[container].append(shell)
                return
        shell.close()

    def close(self) -> None:
        """End all shells that run nothing."""
        with self._lock:
            for shells in self._idle.values():
                for shell in shells:
                    shell.close()
            self._idle.clear()
