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
from hublab.running.channel import Channel, open_channel
from hublab.running.hub import Hub, hub_run, open_hub
from hublab.running.lab import Lab
from hublab.running.readiness import ProgramEnded
from hublab.running.visitor import Visitor, sign_in

T = TypeVar("T")
POLL = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """One message of a spawn as its user sees it; `t` in seconds since it was asked for."""

    t: float
    progress: int | None
    message: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A single-user server as the hub knows it."""

    user: str
    name: str
    host: str | None
    address: str | None
    port: int | None
    pid: int | None
    ready: bool
    started: str | None = None
    seconds: float = 0.0
    events: tuple[Progress, ...] = ()
    tunnel: str | None = None
    """`host:port` at which hub and proxy find it, where that is a tunnel's end on the hub."""

    @property
    def label(self) -> str:
        """What it is called in a listing."""
        return server_label(self.user, self.name)

    @property
    def path(self) -> str:
        """Where it stands below the base URL: `user/alice/`, or `user/alice/analysis/`."""
        return f"user/{self.label}/"


@dataclass(slots=True)
class LiveLab:
    """A running lab, the way into its network, and the journal of what happens. See `connect`."""

    lab: Lab
    channel: Channel
    journal: Journal | None = None
    refusal: ProgramEnded | None = None
    """Why the hub or proxy does not run with the settings of this case; None: they do."""
    own_server: str = ""
    """The name for this case's server: the default one, or a name that no other case has."""
    _hub: Hub | None = None
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def name(self) -> str:
        return self.lab.name

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

    async def run(self, host: str, *argv: str, user: str = "") -> str:
        """What a command on a host prints. Raises LabError when it fails."""
        return await asyncio.to_thread(lambda: self.lab.output(host, *argv, user=user))

    async def sign_in(self, user: str) -> Visitor:
        """A person at the client host who signed in as `user`, through the proxy.

        Ends with the lab's connection, or earlier as an async context manager.
        """
        run = await asyncio.to_thread(hub_run, self.lab)
        base = run.prefix.removesuffix("hub/")
        try:
            visitor = await self._sign_in(user, base, admin=user == "admin")
        except HubError:
            # An engineer's own configuration may have made any user an admin.
            model = await (await self.hub()).user(user)
            if user == "admin" or not (model and model["admin"]):
                raise
            visitor = await self._sign_in(user, base, admin=True)
        self._open.push_async_callback(visitor.session.close)
        return visitor

    async def _sign_in(self, user: str, base: str, *, admin: bool) -> Visitor:
        secret = "admin_password" if admin else "password"
        password = await asyncio.to_thread(self.lab.secret, secret)
        return await sign_in(self.channel, str(self.origin), user, password, base)

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
        watch: Callable[[Progress], None] = lambda progress: None,
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
        hub = await self.hub()
        await hub.ensure_user(user)
        if (present := await self.server(user, name)) and present.ready:
            raise HubError(
                f"{user}'s server{f' {name}' if name else ''} runs already, on {present.host}",
                hint="stop it first, or give the new one a name (--server)",
            )
        begun = time.monotonic()
        wanted = {**(options or {}), **({"host": on} if on else {})}
        asked = asyncio.create_task(hub.start_server(user, name, wanted))
        events: list[Progress] = []
        try:
            async with asyncio.timeout(timeout):
                await self._watch_spawn(hub, user, name, asked, begun, events, watch)
                server = await self._settled(user, name, asked)
        except TimeoutError as error:
            raise Undecided(
                f"{user}'s server neither failed nor got ready within {timeout:.0f} s",
                where=events[-1].message if events else None,
            ) from error
        finally:
            if not asked.done():
                asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        if server is None or not server.ready:
            message = next((e.message for e in reversed(events) if e.failed), "")
            raise HubError(
                f"{user}'s server did not start: {given_reason(message)}",
                hint="`hublab logs hub` says more",
            )
        if on and server.host not in (on, None):  # one that was pending, which the hub joined
            raise HubError(
                f"{user}'s server is ready on {server.host}, not on {on}: "
                "its start was under way when this one was asked for",
                hint="stop it first, or give the new one a name (--server)",
            )
        seconds = round(time.monotonic() - begun, 3)
        return replace(server, seconds=seconds, events=tuple(events))

    async def _watch_spawn(
        self,
        hub: Hub,
        user: str,
        name: str,
        asked: asyncio.Task[int],
        begun: float,
        events: list[Progress],
        watch: Callable[[Progress], None],
    ) -> None:
        """Follow the progress stream from when the hub has taken the request until it ends."""
        while not asked.done():
            model = await hub.server(user, name)
            if model and (model["pending"] == "spawn" or model["ready"]):
                break
            await asyncio.sleep(POLL)
        if asked.done() and asked.exception():
            return
        try:
            async for event in hub.progress(user, name):
                seen = Progress(
                    round(time.monotonic() - begun, 3),
                    event.get("progress"),
                    str(event.get("message", "")),
                    bool(event.get("failed")),
                )
                events.append(seen)
                watch(seen)
                self.record(SpawnProgress(self.name, user, name, seen.progress, seen.message))
        except HubError:
            # A start that fails is no longer pending while the hub clears up after it, and then
            # has no progress (apihandlers/users.py): the answer to the request says why.
            model = await hub.server(user, name)
            if events or (model and model["pending"] == "spawn"):
                raise

    async def _settled(self, user: str, name: str, asked: asyncio.Task[int]) -> Server | None:
        """The server once it is ready, or None once nothing is pending any more.

        The answer to the request only says how long it took (202 after ten seconds), so the
        server's model is what counts.
        """
        while True:
            answered = asked.done()
            if answered and (error := asked.exception()):
                if isinstance(error, HubError):
                    raise HubError(
                        f"{user}'s server did not start: {error.message}",
                        hint="`hublab logs hub` says more",
                    ) from error
                raise error
            model = await (await self.hub()).server(user, name)
            if model and model["ready"]:
                return server_from(user, model)
            if answered and not (model and model["pending"]):
                return None
            await asyncio.sleep(POLL)

    async def stop(self, user: str, name: str = "", timeout: float = 120) -> float:
        """Have the hub stop a server and wait until it is gone; returns the seconds."""
        begun = time.monotonic()
        hub = await self.hub()
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


def server_label(user: str, name: str | None) -> str:
    """`alice`, or `alice/analysis` of a named server."""
    return f"{user}/{name}" if name else user


def stopped(model: dict[str, Any] | None) -> bool:
    """Whether the hub's model of a server says that there is none, or that it is at rest."""
    return not model or not (model["pending"] or model["ready"])


def given_reason(message: str) -> str:
    """Why a spawn failed, in the hub's words where it has some.

    A spawn that Spawner.start_timeout ended is reported as `Spawn failed: ` and nothing more.
    """
    if message.strip() in ("", "Spawn failed:"):
        return "the hub gives no reason, as after Spawner.start_timeout"
    return message


def server_from(user: str, model: dict[str, Any]) -> Server:
    """Our record from the hub's model; `state` is what the spawner keeps of the server."""
    state = model.get("state") or {}
    tunnelled = state.get("transport") == "tunnel" and state.get("local_port")
    return Server(
        user=user,
        name=model["name"],
        host=state.get("host"),
        address=state.get("address"),
        port=state.get("port"),
        pid=state.get("pid"),
        ready=bool(model["ready"]),
        started=model.get("started"),
        tunnel=f"{state.get('connect_address')}:{state['local_port']}" if tunnelled else None,
    )


@contextlib.asynccontextmanager
async def connect(lab: Lab, journal: Journal | None = None) -> AsyncIterator[LiveLab]:
    """Open the way into a lab's network, and close it at the end."""
    async with open_channel(lab) as channel:
        live = LiveLab(lab, channel, journal)
        try:
            yield live
        finally:
            await live.close()
