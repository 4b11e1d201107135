"""A lab with the way into its network open: what scenarios and commands work with."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from yarl import URL

from hublab.errors import HubError, NoSuchHost, Undecided
from hublab.journal.events import Event, SpawnProgress
from hublab.journal.file import Journal
from hublab.journal.hosts import ServerState
from hublab.running.channel import Channel, open_channel
from hublab.running.hub_api import Hub, open_hub
from hublab.running.lab import Lab
from hublab.running.lab_hosts import LabHosts
from hublab.running.readiness import ProgramEnded
from hublab.running.servers import Server, SpawnMessage, server_from, stopped
from hublab.running.sign_in import ADMIN, hint_of_refusal, password_of
from hublab.running.spawning import POLL, Spawn
from hublab.running.visitor import Visitor, sign_in

T = TypeVar("T")


@dataclass(slots=True)
class LiveLab(LabHosts):
    """A running lab, the way into its network, and the journal of what happens. See `connect`."""

    channel: Channel
    journal: Journal | None = None
    refusal: ProgramEnded | None = None
    """Why the hub or proxy does not run with the settings of this case; None: they do."""
    own_server: str = ""
    """The name for this case's server: the default one, or a name that no other case has."""
    _hub: Hub | None = None
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def origin(self) -> URL:
        """Where users' requests go, as the client host names it: what stands in front, or the
        proxy.
        """
        host, port = self.lab.front
        return URL.build(scheme="http", host=host.service, port=port)

    def record(self, event: Event) -> None:
        """Write an event into the journal, where there is one."""
        if self.journal:
            self.journal.write(event)

    def hide(self, secret: str) -> None:
        """Never write this text into the journal from now on."""
        if self.journal:
            self.journal.hide(secret)

    async def hub(self) -> Hub:
        """The hub's REST API; looked up again after the hub was restarted."""
        if self._hub is None:
            self._hub = await open_hub(self.channel, self.lab)
        return self._hub

    async def forget_hub(self) -> None:
        """The hub was restarted: its port, prefix and token may be others now."""
        if self._hub is not None:
            await self._hub.close()
            self._hub = None

    async def sign_in(self, user: str, *, at: str | None = None) -> Visitor:
        """A person at the client host who signed in as `user`, through the proxy.

        `at` is another address of the hub than `origin`, for instance `http://hub:8081`. Ends with
        the lab's connection, or earlier as an async context manager. Raises HubError when the hub
        refuses, or nothing answers there.
        """
        run = await self.hub_run()
        base = run.prefix.removesuffix("hub/")
        try:
            visitor = await self._sign_in(user, base, at, admin=user == ADMIN)
        except HubError as error:
            # An engineer's own configuration may have made any user an admin.
            hub = await self.hub()
            model = await hub.user(user)
            if user == ADMIN or not (model and model["admin"]):
                if error.status in (200, 401, 403):  # 200: the form once more
                    error.hint = hint_of_refusal(await hub.authenticator())
                raise
            visitor = await self._sign_in(user, base, at, admin=True)
        self._open.push_async_callback(visitor.session.close)
        return visitor

    async def _sign_in(self, user: str, base: str, at: str | None, *, admin: bool) -> Visitor:
        password = await asyncio.to_thread(lambda: password_of(self.lab, admin=admin))
        return await sign_in(self.channel, at or str(self.origin), user, password, base)

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Open something that is closed with the lab's connection: a kernel, a fault."""
        return await self._open.enter_async_context(context)

    # -- servers ----------------------------------------------------------------

    async def servers(self) -> list[Server]:
        """All servers that the hub knows of, with what their spawner says of them."""
        users = await (await self.hub()).users()
        return [
            server_from(user["name"], model)
            for user in users
            for model in user.get("servers", {}).values()
        ]

    async def server(self, user: str, name: str = "") -> Server | None:
        """One server, None while the hub knows of none."""
        model = await (await self.hub()).server(user, name)
        return server_from(user, model) if model else None

    async def spawn(
        self,
        user: str,
        name: str = "",
        *,
        on: str | None = None,
        options: dict[str, Any] | None = None,
        timeout: float = 120,
        watch: Callable[[SpawnMessage], None] = lambda message: None,
    ) -> Server:
        """Have the hub start a server and wait until it is ready.

        `on` names the node; `watch` gets each progress message as it comes. Raises HubError
        with the hub's last message when the spawn fails, Undecided when it neither fails nor
        gets ready within `timeout` seconds.
        """
        if on is not None and "node" not in self.lab.host(on).roles:
            raise NoSuchHost(
                f"{on} is no node: its role is {self.lab.host(on).role}",
                hint=f"one of {', '.join(node.service for node in self.lab.of_role('node'))}",
            )
        await (await self.hub()).ensure_user(user)
        if (present := await self.server(user, name)) and present.ready:
            raise HubError(
                f"{user}'s server{f' {name}' if name else ''} runs already, on {present.host}",
                hint="stop it first, or give the new one a name (--server)",
            )

        def seen(message: SpawnMessage) -> None:
            watch(message)
            self.record(SpawnProgress(self.name, user, name, message.progress, message.message))

        spawn = Spawn(self.hub, user, name, seen, self.lab.name_option)
        self.record(ServerState(self.name, user, name, "pending start", on or ""))
        try:
            server = await spawn.run({**(options or {}), **({"host": on} if on else {})}, timeout)
        except HubError:
            self.record(ServerState(self.name, user, name, "stopped"))
            raise
        self.record(ServerState(self.name, user, name, "ready", server.host or ""))
        if on and server.host not in (on, None):  # one that was pending, which the hub joined
            raise HubError(
                f"{user}'s server is ready on {server.host}, not on {on}: "
                "its start was under way when this one was asked for",
                hint="stop it first, or give the new one a name (--server)",
            )
        return replace(server, seconds=spawn.seconds, events=tuple(spawn.messages))

    async def stop(self, user: str, name: str = "", timeout: float = 120) -> float:
        """Have the hub stop a server and wait until it is gone; returns the seconds."""
        begun = time.monotonic()
        hub = await self.hub()
        self.record(ServerState(self.name, user, name, "pending stop"))
        try:
            await hub.stop_server(user, name)
        except HubError as error:
            # The hub fails for one of two who ask at once, though it stops the server.
            model = await hub.server(user, name)
            pending = model["pending"] if model else None
            if error.status != 500 or not (stopped(model) or pending == "stop"):
                raise
        while True:
            if stopped(await hub.server(user, name)):
                self.record(ServerState(self.name, user, name, "stopped"))
                return time.monotonic() - begun
            if time.monotonic() - begun > timeout:
                raise Undecided(f"{user}'s server was still stopping after {timeout:.0f} s")
            await asyncio.sleep(POLL)

    async def close(self) -> None:
        """Close all that is open, the newest first; each is tried, whatever the others do."""
        try:
            await self._open.aclose()
        finally:
            await self.forget_hub()


@contextlib.asynccontextmanager
async def connect(lab: Lab, journal: Journal | None = None) -> AsyncIterator[LiveLab]:
    """Open the way into a lab's network, and close it at the end."""
    async with open_channel(lab) as channel:
        live = LiveLab(lab, channel, journal)
        try:
            yield live
        finally:
            await live.close()
