"""Asking a node: one exec of the launcher on a pooled connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncssh

from .connections import Pool, peer_of
from .dialing import Limits, Target
from .errors import BadReply, ConnectionBroke, NeverRan, SSHSpawnerError
from .payload import redact, secrets_in
from .protocol import Reply, ReplyReader, command_line, new_nonce, request_bytes
from .sessions import Session, Sessions
from .trust import Access

log = logging.getLogger(__name__)

SFTP_ONLY = "This service allows sftp connections only"  # sshd, with a forced internal-sftp
FORCED = "ForceCommand in sshd_config, command= in authorized_keys, force-command in a certificate"

OnEvent = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Node:
    """A host as one user sees it."""

    pool: Pool
    target: Target
    access: Access
    limits: Limits
    python: str = "python3"
    greeting: float = 20.0  # seconds until the launcher must have said hello

    async def address(self) -> str:
        """The verified address of its sshd; '' where a jump host hides it."""
        async with self.pool.borrow(self.target, self.access, self.limits) as connection:
            return "" if self.target.jumps else peer_of(connection)

    async def ask(
        self, op: str, body: dict[str, Any], timeout: float, on_event: OnEvent | None = None
    ) -> Reply:
        """Run one request. All are idempotent, so one whose connection breaks is asked again once.

        ``timeout`` counts from the launcher's hello, so that a long request need not be waited for
        on a connection that carries nothing any more.
        """
        try:
            return await self._ask(op, body, timeout, on_event)
        except ConnectionBroke as broke:
            log.debug("%s: %s; asking again", self.target.host, broke)
        try:
            return await self._ask(op, body, timeout, on_event)
        except NeverRan as error:  # but the first time it may have run
            raise BadReply(str(error), error.detail) from error
        except SSHSpawnerError as error:
            error.never_ran = False
            raise

    async def _ask(
        self, op: str, body: dict[str, Any], timeout: float, on_event: OnEvent | None
    ) -> Reply:
        sessions = Sessions(self.pool, self.target, self.access, self.limits)
        connection = None
        try:
            async with sessions.run(command_line(self.python), self.greeting) as session:
                connection = session.connection
                async with asyncio.timeout_at(session.asked + self.greeting) as patience:
                    return await self._converse(session, op, body, on_event, patience, timeout)
        except TimeoutError as error:
            if connection:
                self.pool.discard(self.target, self.access, connection)
            raise ConnectionBroke(f"{self.target.host} did not answer in time") from error
        except (OSError, asyncssh.Error) as error:
            if connection:
                self.pool.discard(self.target, self.access, connection)
            raise ConnectionBroke(
                f"the connection to {self.target.host} broke", f"{error}"
            ) from error

    async def _converse(
        self,
        session: Session,
        op: str,
        body: dict[str, Any],
        on_event: OnEvent | None,
        patience: asyncio.Timeout,
        timeout: float,
    ) -> Reply:
        greeted = False
        reader = ReplyReader(new_nonce())
        connection, process = session.connection, session.process
        # What ended before it could be asked says below why.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(request_bytes(op, reader.nonce, body))
            process.stdin.write_eof()
        while data := await process.stdout.read(65536):
            for event in reader.feed(data):
                if on_event:
                    on_event(event)
            if reader.greeted and not greeted:
                greeted = True
                patience.reschedule(asyncio.get_running_loop().time() + timeout)
            if reader.reply:
                return reader.reply
        await process.wait_closed()
        if process.exit_status is None and connection.is_closed():
            raise ConnectionBroke(f"the connection to {self.target.host} broke")
        said = self._said(reader.noise, body)
        forced = bool(connection.get_extra_info("forced_command")) or SFTP_ONLY in said
        message, detail = self._no_reply(process.exit_status, said, forced)
        refusal = self.pool.refusals.of_command(self.target, process.exit_status, said)
        if refusal and not reader.greeted:
            refusal.never_ran = True
            self.pool.refusals.remember(self.target, refusal)
            # it would go on refusing after the account or the host is open again
            self.pool.discard(self.target, self.access, connection)
            raise refusal
        if reader.greeted or process.exit_status is None:
            raise BadReply(f"the launcher on {self.target.host} broke off", detail)
        raise NeverRan(message, detail)

    def _said(self, noise: bytes, body: dict[str, Any]) -> str:
        # a start file that reads its stdin may have printed our request
        hidden = secrets_in(
            body.get("env", {}), *(file["content"] for file in body.get("files", ()))
        )
        return redact(noise.decode("utf-8", "replace"), hidden).strip()[-2000:]

    def _no_reply(self, status: int | None, said: str, forced: bool) -> tuple[str, str]:
        """What to tell of a command that ended before it greeted, and what to log."""
        account = f"{self.target.username} on {self.target.host}"
        if forced:
            message = (
                f"the node ran a forced command of {account} instead of the launcher, which ended "
                f"with status {status}: {FORCED} must not be set for the hub's logins, or must run "
                "$SSH_ORIGINAL_COMMAND"
            )
            return message, f"{message}; it said: {said!r}"
        hint = (
            f"{self.python} was not found there"
            if status == 127
            else "look at the login shell's start files (.bashrc, .cshrc, config.fish), and for a "
            f"forced command ({FORCED})"
        )
        message = (
            f"the login shell of {account} ended with status {status} before the launcher could "
            f"run: {hint}"
        )
        return message, f"{message}; it said: {said!r}"
