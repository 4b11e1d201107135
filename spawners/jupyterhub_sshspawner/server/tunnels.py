"""Ways through SSH where hub and node cannot connect to each other directly.

Both ends of a tunnel keep their port when the SSH connection is replaced: a route in the proxy and
the hub's address in the server's environment stay right.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncssh

from ..errors import LaunchFailed, SSHSpawnerError
from ..exchange.node import Node

RETRY_FIRST, RETRY_LONGEST = 0.5, 30.0


class LocalTunnel:
    """Listens on the hub and carries each connection to the node's loopback."""

    def __init__(self, node: Callable[[], Awaitable[Node]], host: str, port: int) -> None:
        self._node = node
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, ip: str, port: int = 0) -> None:
        """Listen; on another port when the wanted one is taken."""
        try:
            self._server = await asyncio.start_server(self._carry, ip, port)
        except OSError:
            if not port:
                raise
            self._server = await asyncio.start_server(self._carry, ip, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def check(self) -> None:
        """Raise LaunchFailed unless sshd carries a connection to the server."""
        node = await self._node()
        async with node.pool.borrow(node.target, node.access, node.limits) as connection:
            try:
                _, writer = await connection.open_connection(*self._to, encoding=None)
            except asyncssh.ChannelOpenError as error:
                raise _not_carried(node.target.host, error) from error
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log = logging.getLogger(__name__)
        try:
            node = await self._node()
            async with node.pool.borrow(node.target, node.access, node.limits) as connection:
                far_reader, far_writer = await connection.open_connection(*self._to, encoding=None)
                try:
                    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                finally:
                    far_writer.close()
        except Exception as error:  # a setting may be a callable, which can raise anything
            log.warning("A connection to %s port %i could not be carried: %s", *self._to, error)
        finally:
            writer.close()

    def close(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.close()


async def _pump(reader: Any, writer: Any) -> None:
    """Copy until the end, and pass the end on."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError, asyncssh.Error):
        writer.write_eof()


class ReverseTunnel:
    """Listens on the node's loopback and carries each connection to the hub's API."""

    def __init__(self, node: Callable[[], Awaitable[Node]], hub_url: str) -> None:
        parts = urlsplit(hub_url)
        self._node = node
        self._to = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    async def open(self, port: int = 0) -> None:
        """Listen on the node, and again on the same port whenever the connection is replaced."""
        self.port = port
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(ready))
        await asyncio.shield(ready)

    async def _keep(self, ready: asyncio.Future[None]) -> None:
        wait = RETRY_FIRST
        while True:
            try:
                await self._serve(ready)
                wait = RETRY_FIRST
            except Exception as error:  # a setting may be a callable, which can raise anything
                if not ready.done():
                    ready.set_exception(_refused(error))
                    return
                logging.getLogger(__name__).warning("The way to the hub is interrupted: %s", error)
            await asyncio.sleep(wait * random.uniform(0.7, 1.0))
            wait = min(wait * 2, RETRY_LONGEST)

    async def _serve(self, ready: asyncio.Future[None]) -> None:
        node = await self._node()
        async with node.pool.borrow(node.target, node.access, node.limits) as connection:
            listener = await connection.forward_remote_port("127.0.0.1", self.port, *self._to)
            try:
                self.port = listener.get_port()
                if not ready.done():
                    ready.set_result(None)
                await connection.wait_closed()
            finally:
                listener.close()

    def close(self) -> None:
        """Listen no more."""
        if self._task:
            self._task.cancel()


def _not_carried(host: str, error: asyncssh.ChannelOpenError) -> LaunchFailed:
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return LaunchFailed(
            f'the sshd of {host} forbids what transport = "tunnel" needs: see '
            "AllowTcpForwarding, PermitOpen and DisableForwarding there, and the options of the "
            "key or certificate (no-port-forwarding, permitopen)",
            f"{host}: {error.reason}",
        )
    return LaunchFailed(
        f"the sshd of {host} cannot connect to the server: {error.reason}", f"{host}: {error!r}"
    )


def _refused(error: BaseException) -> SSHSpawnerError:
    if isinstance(error, SSHSpawnerError):
        return error
    return LaunchFailed("the node's sshd does not allow a reverse tunnel", str(error))


def through(env: dict[str, str], port: int) -> dict[str, str]:
    """The environment with the hub's API behind a port on the node's loopback."""
    changed = dict(env)
    for name in ("JUPYTERHUB_API_URL", "JUPYTERHUB_ACTIVITY_URL"):
        if name in env:
            changed[name] = urlunsplit(urlsplit(env[name])._replace(netloc=f"127.0.0.1:{port}"))
    return changed
