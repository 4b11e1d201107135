"""Programs that stay open in containers, so that a question to one costs a few milliseconds.

Each command that the engine runs costs it a process of its own runtime, some 60 milliseconds of a
processor. A program that stays open costs that once. It reads from its input what to do, so that
nothing of it is in any process's arguments, and ends with the connection.
"""

from __future__ import annotations

import contextlib
import select
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from docker.utils.socket import frames_iter

MOST_IDLE = 4
"""Programs of one kind in one container that are kept while nobody asks them."""


class OpenProgram:
    """A program in a container that does one thing after another. Not for several threads."""

    def __init__(self, api: Any, container: str, argv: Sequence[str], started: str) -> None:
        """Raises the SDK's errors; `started` is when the container was started."""
        self.started = started
        exec_id = api.exec_create(container, list(argv), stdin=True)["Id"]
        # Nothing is lost of what the HTTP library reads ahead: the program is silent until asked.
        self._stream = api.exec_start(exec_id, socket=True)
        self._socket = getattr(self._stream, "_sock", self._stream)
        self._socket.settimeout(None)  # what it is asked for may take as long as it takes
        self.frames: Iterator[tuple[int, bytes]] = frames_iter(self._stream, tty=False)

    @property
    def lives(self) -> bool:
        """Whether it waits to be asked: of one that has ended the end can be read."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return not waiting.poll(0)

    def send(self, text: str) -> None:
        """Write to its input. What the engine said of one that has ended says why."""
        with contextlib.suppress(BrokenPipeError):
            self._socket.sendall(text.encode(errors="surrogateescape"))

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._stream.close()
            self._socket.close()


Kind = TypeVar("Kind", bound=OpenProgram)


class OpenPrograms:
    """The open programs of one connection to an engine; several threads may use it."""

    def __init__(self, client: Any, host: str) -> None:
        """`client` is the SDK's, `host` the engine's address as DOCKER_HOST names it."""
        self._client = client
        self._usable = host.startswith("unix://")  # the SDK cannot read their streams through TLS
        self._lock = threading.Lock()
        self._idle: defaultdict[tuple[str, ...], list[OpenProgram]] = defaultdict(list)

    def started(self, container: str) -> str | None:
        """When a container was started in which a program can run now; None for any other."""
        if not self._usable:
            return None
        state = self._client.api.inspect_container(container)["State"]
        return str(state["StartedAt"]) if state["Running"] and not state["Paused"] else None

    @contextlib.contextmanager
    def using(
        self, kind: type[Kind], container: str, argv: Sequence[str], started: str
    ) -> Iterator[Kind]:
        """A program for one question: one that waits for any, or a new one.

        Raises the SDK's errors. After an error of the block it ends.
        """
        key = (container, *argv)
        program = self._waiting(key, started) or kind(self._client.api, container, argv, started)
        assert isinstance(program, kind)
        try:
            yield program
        except BaseException:
            program.close()
            raise
        self._give_back(key, program)

    def _waiting(self, key: tuple[str, ...], started: str) -> OpenProgram | None:
        with self._lock:
            while self._idle[key]:
                program = self._idle[key].pop()
                if program.started == started and program.lives:
                    return program
                program.close()
            self._drop_ended()
        return None

    def _drop_ended(self) -> None:
        """Close what is left of programs whose containers are gone."""
        for key, programs in list(self._idle.items()):
            for program in [program for program in programs if not program.lives]:
                programs.remove(program)
                program.close()
            if not programs:
                del self._idle[key]

    def _give_back(self, key: tuple[str, ...], program: OpenProgram) -> None:
        with self._lock:
            if len(self._idle[key]) < MOST_IDLE:
                self._idle[key].append(program)
                return
        program.close()

    def close(self) -> None:
        """End all programs that nobody asks."""
        with self._lock:
            for programs in self._idle.values():
                for program in programs:
                    program.close()
            self._idle.clear()
