"""Shells that stay open in containers, so that a command costs a few milliseconds.

Each command that the engine runs costs it a process of its own runtime, some 60 milliseconds of a
processor. A shell costs that once. It reads what to run from its input, so that neither arguments
nor environment of a command are in any other process's arguments, and ends with the connection.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import select
import shlex
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import docker.errors
from docker.utils.socket import frames_iter

SHELL = "sh"
STDOUT, STDERR = 1, 2
"""Streams: Engine API, "ContainerAttach", "Stream format"."""
MOST_IDLE = 4
"""Shells of one container that are kept while nothing runs in them."""


class Shell:
    """A shell in a container, for one command after another. Not for several threads."""

    def __init__(self, api: Any, container: str, started: str) -> None:
        """Raises the SDK's errors; `started` is when the container was started."""
        self.started = started
        exec_id = api.exec_create(container, [SHELL], stdin=True)["Id"]
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

        It has ended when its streams have, as a command of the engine's own. Raises DockerException
        when the shell ends meanwhile, as with its container.
        """
        mark = secrets.token_hex(16)
        kept = {STDOUT: bytearray(), STDERR: bytearray()}
        end = f"\n{mark}".encode()
        code = b""
        try:
            with contextlib.suppress(BrokenPipeError):  # what the engine said says why
                self._socket.sendall(framed(script, mark).encode(errors="surrogateescape"))
            for stream, piece in self._frames:
                kept[stream] += piece
                code = after(kept[STDOUT], end)
                if code.endswith(b"\n") and after(kept[STDERR], end).endswith(b"\n"):
                    break
            else:
                raise docker.errors.DockerException(why_ended(bytes(kept[STDOUT])))
        except OSError as error:
            raise docker.errors.DockerException(f"lost the connection: {error}") from error
        if not code.strip().isdigit():  # somebody killed what waits for the script
            raise docker.errors.DockerException(why_ended(b""))
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


def why_ended(said: bytes) -> str:
    """What the engine said in place of starting a shell; of a command's output nothing."""
    text = said.decode(errors="replace").strip()
    return text[:500] if text.startswith("OCI runtime") else "the shell or its container ended"


def framed(script: str, mark: str) -> str:
    """A script with streams of its own, and words that say on both of the shell's where it ended.

    Its streams are pipes: what it does to them, and what it leaves behind that writes, concerns no
    other command. 3 and 4 are the shell's streams, 5 takes the exit code, 6 is the script's stderr;
    what the shell says of a script that a signal ended goes nowhere.
    """
    return (
        "exec 3>&1 4>&2\n"
        "code=$( exec 5>&1\n"
        "{ {\n"
        f"( {script}\n) </dev/null 2>&6 3>&- 4>&- 5>&- 6>&-\n"
        "echo $? >&5; } 2>/dev/null 3>&- 4>&- | cat >&3 4>&- 5>&- 6>&-\n"
        "} 6>&1 | cat >&4 3>&- 5>&-\n"
        ")\n"
        f"printf '\\n{mark} %s\\n' \"${{code:-?}}\"; printf '\\n{mark}\\n' >&2\n"
    )


PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OWN = ("IFS", "OPTIND", "PATH", "PPID", "PS1", "PS2", "PS4", "PWD")
"""Variables that mean something to the shell itself."""


def can_be_scripted(argv: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a shell can be given a command with these variables."""
    names = all(PLAIN.fullmatch(name) and name not in OWN for name in environment)
    return names and not any("\0" in text for text in (*argv, *environment.values()))


def script_of(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """The script that is this command, with these variables, and without the shell's own PWD.

    It has a session of its own, as a command that the engine starts.
    """
    exports = "".join(
        f"export {name}={shlex.quote(value)}; " for name, value in environment.items()
    )
    return f"unset PWD; {exports}exec setsid {shlex.join(argv)}"


class Shells:
    """The open shells of one connection to an engine, by container; several threads may use it."""

    def __init__(self, client: Any, host: str) -> None:
        """`client` is the SDK's, `host` the engine's address as DOCKER_HOST names it."""
        self._client = client
        self._usable = host.startswith("unix://")  # the SDK cannot read their streams through TLS
        self._lock = threading.Lock()
        self._idle: defaultdict[str, list[Shell]] = defaultdict(list)

    def started(self, container: str) -> str | None:
        """When a container was started in which a shell can run now; None for any other."""
        if not self._usable:
            return None
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
            self._drop_ended()
        return Shell(self._client.api, container, started)

    def _drop_ended(self) -> None:
        """Close what is left of shells whose containers are gone."""
        for container, shells in list(self._idle.items()):
            for shell in [shell for shell in shells if not shell.lives]:
                shells.remove(shell)
                shell.close()
            if not shells:
                del self._idle[container]

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
