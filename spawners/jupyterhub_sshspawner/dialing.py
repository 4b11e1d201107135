"""Opening one SSH connection: patient with a machine that answers, and not with a silent one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncssh

from .trust import Access


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

    def __init__(self, said: str, hop: Hop | None) -> None:
        super().__init__("hung up while signing in")
        self.said = said
        self.hop = hop  # the jump host that did it; None if it was the machine itself


async def dial(
    target: Target, access: Access, limits: Limits
) -> list[asyncssh.SSHClientConnection]:
    """Sign in to a machine and those on the way; its own connection is the last.

    Raises TimeoutError, naming the setting, when one of them does not answer within
    ``connect_timeout`` of being asked, or when, since they answer, we are not let in within
    ``sign_in_timeout`` (or the other, if that is longer) in all; and HungUp when one of them ends
    the connection while it decides about the account. What was opened is closed when it fails.
    """
    way = Way()
    seconds, setting = max(
        (limits.connect_timeout, "connect_timeout"), (limits.sign_in_timeout, "sign_in_timeout")
    )
    try:
        async with _naming(setting, seconds, asyncio.timeout(seconds)):
            await _dial(way, target, access, limits)
    except BaseException as error:
        hung_up = type(error) is asyncssh.ConnectionLost and way.asks_who
        hop = target.jumps[len(way.signed_in)] if len(way.signed_in) < len(target.jumps) else None
        for connection in reversed(way.opened):
            connection.abort()
        if hung_up:
            raise HungUp(way.said, hop) from error
        raise
    return way.signed_in


async def _dial(way: Way, target: Target, access: Access, limits: Limits) -> None:
    # an OpenSSH configuration goes by the name it was written for
    address = target.address if access.config_files else target.pinned or target.address
    async with access.connect_options() as options:
        for hop in (*target.jumps, Hop(address, target.port, target.username)):
            last = len(way.signed_in) == len(target.jumps)
            name = target.key_name if last else hop.address
            gss = await access.gss_options(name)
            async with _answering(way, limits.connect_timeout):
                connection = await asyncssh.connect(
                    hop.address,
                    hop.port,
                    client_factory=way.next,
                    tunnel=way.signed_in[-1] if way.signed_in else (),
                    username=hop.username or target.username,
                    keepalive_interval=limits.keepalive_interval,
                    keepalive_count_max=limits.keepalive_count_max,
                    login_timeout=0,  # it would end what sign_in_timeout lets go on
                    **({"host_key_alias": name} if last else {}),
                    **{**options, **gss},
                )
            way.signed_in.append(connection)


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
