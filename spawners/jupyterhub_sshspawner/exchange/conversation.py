"""One request to a launcher that runs in a session: what is said, what is heard, and how long.

Each thing that may hang on a node has a limit of its own, and is named when it is over: the login
shell before the launcher runs, then what the launcher says that it is about to do. A start is sent
only when the launcher has greeted, so that a login shell that wakes up late starts nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConnectionBroke, Hangs, SilentShell, Unreachable
from ..ssh.sessions import Session
from .protocol import Reply, ReplyReader, Stage, new_nonce, opening_bytes, request_bytes

OnEvent = Callable[[dict[str, Any]], None]

_STAGES = {
    "run-dir": "its file system does not answer: look at the home directory, or see "
    "SSHSpawner.run_dir",
    "lock": "locking a file there does not end: see SSHSpawner.run_dir",
    "hub": "looking the name up or connecting does not end",
}


@dataclass
class Conversation:
    """One request. ``greeting`` and ``timeout`` are the seconds for the launcher to run, and for
    its answer from then on."""

    op: str
    body: dict[str, Any]
    greeting: float
    timeout: float
    on_event: OnEvent | None = None
    reader: ReplyReader = field(default_factory=lambda: ReplyReader(new_nonce()))
    may_run: bool = False  # the node may have the request
    _stage: Stage | None = None

    async def hold(self, session: Session) -> Reply | None:
        """The reply, or None when the command ended without one. Raises TimeoutError."""
        nonce = self.reader.nonce
        if self.op == "start":
            self._write(session, opening_bytes(nonce), last=False)
        else:  # which may come late without harm
            self.may_run = True
            self._write(session, request_bytes(self.op, nonce, self.body))
        async with asyncio.timeout_at(session.asked + self.greeting) as patience:
            while data := await session.process.stdout.read(65536):
                greeted = self.reader.greeted
                events = self.reader.feed(data)
                if self.reader.greeted and not greeted:
                    patience.reschedule(_in(self.timeout))
                    self._send_start(session)
                for event in events:
                    self._take(event, patience)
                if self.reader.reply:
                    return self.reader.reply
            await session.process.wait_closed()
        return None

    def _send_start(self, session: Session) -> None:
        if self.may_run:
            return
        self.may_run = True
        spent = asyncio.get_running_loop().time() - session.asked
        patience = max(1.0, self.body["ready_timeout"] - spent)
        body = {**self.body, "ready_timeout": patience}
        self._write(session, request_bytes(self.op, self.reader.nonce, body, launcher=False))

    def _write(self, session: Session, data: bytes, last: bool = True) -> None:
        # What ended before it could be asked says why in the end.
        with contextlib.suppress(BrokenPipeError):
            session.process.stdin.write(data)
            if last:
                session.process.stdin.write_eof()

    def _take(self, event: dict[str, Any], patience: asyncio.Timeout) -> None:
        stage = Stage.of(event)
        if stage:
            self._stage = stage
            if self.op == "start":
                patient = stage.name not in _STAGES
                patience.reschedule(_in(self.timeout if patient else self.greeting))
        elif self.on_event:
            self.on_event(event)

    def silence(self, account: str, host: str) -> Unreachable:
        """What a TimeoutError of ``hold`` means."""
        if not self.reader.greeted:
            return SilentShell(
                f"the login shell of {account} did not run the launcher within "
                f"{self.greeting:g} s (SSHSpawner.command_timeout): a start file (.bashrc, "
                ".cshrc, config.fish) hangs or waits for input, or the home directory does not "
                "answer"
            )
        if self._stage and self._stage.name in _STAGES:
            seconds = self.greeting if self.op == "start" else self.timeout
            return Hangs(
                f"{host} hangs at {self._stage.what}, for {seconds:g} s now: "
                f"{_STAGES[self._stage.name]}"
            )
        return ConnectionBroke(f"{host} did not answer in time")


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds
