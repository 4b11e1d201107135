"""The tunnels of one server: opened for a start, and again, on the same ports, after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..errors import Misconfigured
from ..exchange.node import Node
from ..state import Instance
from ..traits import SSHTraits
from .launching import hub_api_url
from .tunnels import LocalTunnel, ReverseTunnel

NodeOf = Callable[[Instance], Awaitable[Node]]


class Ways:
    """Both directions, each open or not."""

    def __init__(self, spawner: SSHTraits, node_of: NodeOf) -> None:
        self._spawner = spawner
        self._node_of = node_of
        self._local: LocalTunnel | None = None
        self._reverse: ReverseTunnel | None = None

    def lacks_local(self, instance: Instance) -> bool:
        """Whether its server has a tunnel that is not open."""
        return instance.transport == "tunnel" and self._local is None

    def lacks_reverse(self, instance: Instance) -> bool:
        """The same of the way to the hub."""
        return bool(instance.hub_port) and self._reverse is None

    async def open_local(self, instance: Instance) -> Instance:
        """A tunnel to the server, on the port it had before if it had one."""
        spawner = self._spawner
        far = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(spawner.ip, spawner.ip)
        self._local = tunnel = LocalTunnel(self._way_to(instance), far, instance.port)
        try:
            await tunnel.open(spawner.tunnel_bind_ip, instance.local_port)
        except OSError as error:
            self._local = None
            where = spawner.tunnel_bind_ip
            raise Misconfigured(
                f"SSHSpawner.tunnel_bind_ip: cannot listen on {where}", f"{error}"
            ) from error
        return replace(instance, local_port=tunnel.port)

    async def check_local(self) -> None:
        """Try it, so that a forbidden one is named and not waited for (``http_timeout``)."""
        if self._local:
            await self._local.check()

    async def open_reverse(self, instance: Instance) -> Instance:
        """A tunnel from the node to the hub's API, on the port that the server was told."""
        hub = hub_api_url(self._spawner)
        self._reverse = tunnel = ReverseTunnel(self._way_to(instance), hub)
        try:
            await tunnel.open(instance.hub_port)
        except BaseException:  # also when it is cancelled
            tunnel.close()
            if self._reverse is tunnel:
                self._reverse = None
            raise
        return replace(instance, hub_port=tunnel.port)

    def close(self) -> None:
        """Listen no more."""
        for tunnel in (self._local, self._reverse):
            if tunnel:
                tunnel.close()
        self._local = self._reverse = None

    def _way_to(self, instance: Instance) -> Callable[[], Awaitable[Node]]:
        async def way() -> Node:
            return await self._node_of(instance)

        return way
