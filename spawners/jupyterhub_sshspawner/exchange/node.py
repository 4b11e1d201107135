"""Asking a node: one exec of the launcher on a pooled connection."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, NoReturn

import asyncssh

from ..errors import BadReply, ConnectionBroke, NeverRan, NoTicket, SSHSpawnerError
from ..ssh.connections import Pool, peer_of
from ..ssh.dialing import Limits, Target
from ..ssh.kerberos import NOT_FORWARDED
from ..ssh.sessions import Session, Sessions
from ..ssh.trust import Access
from .conversation import Conversation, OnEvent
from .payload import redact, secrets_in
from .protocol import Reply, command_line

log = logging.getLogger(__name__)

SFTP_ONLY = "This service allows sftp connections only"  # sshd, with a forced internal-sftp
FORCED = "ForceCommand in sshd_config, command= in authorized_keys, force-command in a certificate"


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

    async def address_for_start(self) -> str:
        """The same, of a connection on which the user's ticket was delegated, if any is to be.

        Raises NoTicket where there is none of use: a start is told so, while polls and stops go on.
        """
        access = self.access
        if not access.gss_delegate:
            return await self.address()
        access.check_ticket()
        if not access.gss_seen.issued:  # nobody can tell whether the one delegated is still good
            self.pool.sign_in_anew(self.target, access)
        async with self.pool.borrow(self.target, access, self.limits) as connection:
            if connection.get_extra_info("undelegated"):
                self.pool.sign_in_anew(self.target, access)
                raise NoTicket(NOT_FORWARDED, f"{self._account}: {NOT_FORWARDED}")
        return await self.address()

    async def ask(
        self, op: str, body: dict[str, Any], timeout: float, on_event: OnEvent | None = None
    ) -> Reply:
        """Run one request. All are idempotent, so one whose connection breaks is asked again once.

        ``timeout`` counts from the launcher's hello, so that a long request need not be waited for
        on a connection that carries nothing any more.
        """
        first = Conversation(op, body, self.greeting, timeout, on_event)
        try:
            return await self._ask(first)
        except ConnectionBroke as broke:
            log.debug("%s: %s; asking again", self.target.host, broke)
        again = Conversation(op, body, self.greeting, timeout, on_event)
        try:
            return await self._ask(again)
        except NeverRan as error:
            if first.may_run:
                raise BadReply(str(error), error.detail) from error
            raise
        except SSHSpawnerError as error:
            error.never_ran = error.never_ran and not first.may_run
            raise

    async def _ask(self, talk: Conversation) -> Reply:
        """Raises ``never_ran`` errors while the node has not got the request."""
        try:
            return await self._held(talk)
        except SSHSpawnerError as error:
            error.never_ran = error.never_ran or not talk.may_run
            raise

    async def _held(self, talk: Conversation) -> Reply:
        host = self.target.host
        sessions = Sessions(self.pool, self.target, self.access, self.limits)
        connection = None
        try:
            async with sessions.run(command_line(self.python), self.greeting) as session:
                connection = session.connection
                return await talk.hold(session) or self._without_reply(talk, session)
        except TimeoutError as error:
            if connection is None:
                raise ConnectionBroke(
                    f"{host} opened no session within {self.greeting:g} s "
                    "(SSHSpawner.command_timeout)"
                ) from error
            silence = talk.silence(self._account, host)
            if isinstance(silence, ConnectionBroke):  # else it is no fault of the connection's
                self.pool.discard(self.target, self.access, connection)
            raise silence from error
        except (OSError, asyncssh.Error) as error:
            if connection:
                self.pool.discard(self.target, self.access, connection)
            raise ConnectionBroke(f"the connection to {host} broke", f"{error}") from error

    def _without_reply(self, talk: Conversation, session: Session) -> NoReturn:
        """Raise for a command that ended and did not answer."""
        connection, status = session.connection, session.process.exit_status
        if status is None and connection.is_closed():
            raise ConnectionBroke(f"the connection to {self.target.host} broke")
        said = self._said(talk.reader.noise, talk.body)
        forced = bool(connection.get_extra_info("forced_command")) or SFTP_ONLY in said
        message, detail = self._no_reply(session, said, forced)
        refusal = self.pool.refusals.of_command(self.target, status, said)
        if refusal and not talk.reader.greeted:
            refusal.never_ran = True
            self.pool.refusals.remember(self.target, refusal)
            # it would go on refusing after the account or the host is open again
            self.pool.discard(self.target, self.access, connection)
            raise refusal
        if talk.reader.greeted or status is None:
            raise BadReply(f"the launcher on {self.target.host} broke off", detail)
        raise NeverRan(message, detail)

    @property
    def _account(self) -> str:
        return f"{self.target.username} on {self.target.host}"

    def _said(self, noise: bytes, body: dict[str, Any]) -> str:
        # a start file that reads its stdin may have printed our request
        hidden = secrets_in(
            body.get("env", {}), *(file["content"] for file in body.get("files", ()))
        )
        return redact(noise.decode("utf-8", "replace"), hidden).strip()[-2000:]

    def _no_reply(self, session: Session, said: str, forced: bool) -> tuple[str, str]:
        """What to tell of a command that ended before it greeted, and what to log."""
        status, killed = session.process.exit_status, session.process.exit_signal
        ended = f"was ended by signal {killed[0]}" if killed else f"ended with status {status}"
        account = self._account
        if forced:
            message = (
                f"the node ran a forced command of {account} instead of the launcher, which "
                f"{ended}: {FORCED} must not be set for the hub's logins, or must run "
                "$SSH_ORIGINAL_COMMAND"
            )
            return message, f"{message}; it said: {said!r}"
        hint = (
            f"{self.python} was not found there"
            if status == 127
            else "look at the login shell's start files (.bashrc, .cshrc, config.fish), and for a "
            f"forced command ({FORCED})"
        )
        message = f"the login shell of {account} {ended} before the launcher could run: {hint}"
        return message, f"{message}; it said: {said!r}"
