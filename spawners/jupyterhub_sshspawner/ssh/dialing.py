"""Opening one SSH connection: patient with a machine that answers, and not with a silent one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from .kerberos import SignIn
from .trust import Access

Door = Callable[[str, int], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True)
class Hop:
    """A machine on the way."""

    address: str
    port: int = 22
    username: str = ""


@dataclass(frozen=True)
class Target:
    """The other end of a connection, and for whom it is."""

    owner: str
    host: str
    address: str
    port: int
    username: str
    key_name: str
    jumps: tuple[Hop, ...] = ()
    gss_host: str = ""  # the name in its principal; '' if that is ``key_name``
    # Of what the address may stand for, the machine that is meant: a name with several addresses
    # could lead to another one when the connection is replaced (sshspawner#18).
    pinned: str = field(default="", compare=False)


@dataclass(frozen=True)
class Limits:
    """How patient and how greedy to be."""

    connect_timeout: float = 10.0
    sign_in_timeout: float = 30.0
    keepalive_interval: float = 15.0
    keepalive_count_max: int = 3
    sessions: int = 8
    connects: int = 8
    idle: float = 300.0


@dataclass
class Way:
    """The connections that lead to a machine, in the order in which they were opened."""

    opened: list[asyncssh.SSHClientConnection] = field(default_factory=list)
    signed_in: list[asyncssh.SSHClientConnection] = field(default_factory=list)
    said: str = ""  # by the machine that is asked, since we offered it a key or a password
    hop: Hop | None = None  # the machine on the way that is asked; None if it is the last one
    gss: SignIn | None = None  # what it is shown

    def next(self) -> asyncssh.SSHClient:
        """For ``client_factory``: notes a connection as soon as TCP has it."""
        self.said = ""
        return _Note(self)

    @property
    def answers(self) -> bool:
        """Whether the next machine said who it is (RFC 4253, 4.2), which costs it nothing."""
        return self._knows("server_version")

    @property
    def asks_who(self) -> bool:
        """Whether the next machine has proven itself and now decides about the account.

        The keys are exchanged then (RFC 4253, 7.3), and authentication is the next thing.
        """
        return self.answers and self._knows("recv_cipher")

    def _knows(self, name: str) -> bool:
        asked = self.opened[len(self.signed_in) :]
        return bool(asked and asked[-1].get_extra_info(name))


class _Note(asyncssh.SSHClient):
    def __init__(self, way: Way) -> None:
        self._way = way
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        # Until it has its own, it would give those of the connection through which it goes.
        conn.set_extra_info(server_version=None, recv_cipher=None, forced_command=None)
        self._connection = conn
        self._way.opened.append(conn)
        if self._way.gss:
            self._way.gss.prepare(conn)

    def debug_msg_received(self, msg: str, lang: str, always_display: bool) -> None:
        """sshd tells the options of the key or certificate that it accepted (its auth.c)."""
        before, found, options = msg.partition(" options:")
        forced = found and before.endswith(("key", "cert")) and "command" in options.split()
        if forced and self._connection:
            self._connection.set_extra_info(forced_command=True)

    def auth_banner_received(self, msg: str, lang: str) -> None:
        """Keep what PAM says. sshd's own ``Banner`` comes with the reply to the method "none"."""
        # asyncssh has no public word for the method; without this one, a Banner counts as well
        if getattr(self._connection, "_auth_methods", None) != [b"none"]:
            self._way.said += msg


class HungUp(Exception):
    """A machine accepted what we signed in with and then hung up: it does not admit the account."""


def _open_door(address: str, port: int) -> AbstractAsyncContextManager[Any]:
    return nullcontext()


async def dial(
    target: Target,
    access: Access,
    limits: Limits,
    way: Way | None = None,
    door: Door = _open_door,
) -> list[asyncssh.SSHClientConnection]:
    """Sign in to a machine and those on the way; its own connection is the last.

    ``door`` may let a few at a time in to each of them. Raises TimeoutError, naming the setting,
    when one does not answer within ``connect_timeout`` of being asked, or when, since it answers,
    we are not let in within ``sign_in_timeout`` (or the other, if that is longer); and HungUp when
    one ends the connection while it decides about the account. ``way`` then knows which one it was.
    What was opened is closed when it fails.
    """
    way = way or Way()
    # an OpenSSH configuration goes by the name it was written for
    address = target.address if access.config_files else target.pinned or target.address
    try:
        async with access.connect_options() as options:
            for hop in (*target.jumps, Hop(address, target.port, target.username)):
                way.hop = hop if len(way.signed_in) < len(target.jumps) else None
                # before the door, where others would wait with us for a KDC that is silent
                name = hop.address if way.hop else target.gss_host or target.key_name
                way.gss = await access.gss(name, limits.connect_timeout, delegate=way.hop is None)
                async with door(hop.address if way.hop else target.address, hop.port):
                    way.signed_in.append(await _sign_in(way, hop, target, access, limits, options))
    except BaseException as error:
        hung_up = type(error) is asyncssh.ConnectionLost and way.asks_who
        for connection in reversed(way.opened):
            connection.abort()
        if hung_up:
            raise HungUp from error
        raise
    return way.signed_in


async def _sign_in(
    way: Way, hop: Hop, target: Target, access: Access, limits: Limits, options: dict[str, Any]
) -> asyncssh.SSHClientConnection:
    seconds, setting = max(
        (limits.connect_timeout, "connect_timeout"), (limits.sign_in_timeout, "sign_in_timeout")
    )
    async with (
        _naming(setting, seconds, asyncio.timeout(seconds)),
        _answering(way, limits.connect_timeout),
    ):
        connection = await asyncssh.connect(
            hop.address,
            hop.port,
            client_factory=way.next,
            # None and not asyncssh's default, which would follow a ProxyJump
            tunnel=way.signed_in[-1] if way.signed_in else None,
            username=hop.username or target.username,
            keepalive_interval=limits.keepalive_interval,
            keepalive_count_max=limits.keepalive_count_max,
            login_timeout=0,  # it would end what sign_in_timeout lets go on
            **({} if way.hop else {"host_key_alias": target.key_name}),
            **{**options, **(way.gss.arguments if way.gss else {})},
        )
    connection.set_extra_info(undelegated=bool(way.gss and way.gss.undelegated))
    return connection


@asynccontextmanager
async def _answering(way: Way, seconds: float) -> AsyncIterator[None]:
    """End the block after so many seconds, unless the machine that is asked has answered."""
    loop = asyncio.get_running_loop()
    silence = asyncio.timeout(None)

    def end_unless_it_answers() -> None:
        if not way.answers:
            silence.reschedule(loop.time())

    async with _naming("connect_timeout", seconds, silence):
        timer = loop.call_later(seconds, end_unless_it_answers)
        try:
            yield
        finally:
            timer.cancel()


@asynccontextmanager
async def _naming(setting: str, seconds: float, limit: asyncio.Timeout) -> AsyncIterator[None]:
    """A limit whose error says which trait it comes from."""
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TimeoutError(f"not signed in after {seconds:g} s (SSHSpawner.{setting})") from error
