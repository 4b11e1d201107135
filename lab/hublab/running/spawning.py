"""One spawn, followed from the request for it until its server is ready or nothing is pending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from hublab.errors import HubError, Undecided
from hublab.running.hub_api import Hub
from hublab.running.servers import Server, SpawnMessage, server_from

POLL = 0.1
"""Seconds between two questions to the hub."""


class Spawn:
    """A server's start: the request for it, and the messages that its user sees meanwhile."""

    def __init__(
        self,
        hub: Callable[[], Awaitable[Hub]],
        user: str,
        name: str,
        watch: Callable[[SpawnMessage], None],
        name_option: str = "",
    ) -> None:
        """`hub` finds the hub anew, which may be restarted meanwhile.

        `name_option` is what a command needs to find the lab.
        """
        self._hub = hub
        self.user = user
        self.name = name
        self.messages: list[SpawnMessage] = []
        self._watch = watch
        self._name_option = name_option
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long ago it was asked for."""
        return round(time.monotonic() - self._begun, 3)

    async def run(self, options: dict[str, Any], timeout: float) -> Server:
        """Ask for the server and wait until it is ready.

        Raises HubError with the hub's last message when the spawn fails, Undecided when it neither
        fails nor gets ready within `timeout` seconds.
        """
        hub = await self._hub()
        self._begun = time.monotonic()
        asked = asyncio.create_task(hub.start_server(self.user, self.name, options))
        try:
            async with asyncio.timeout(timeout):
                await self._follow(hub, asked)
                server = await self._settled(asked)
        except TimeoutError as error:
            raise Undecided(
                f"{self.user}'s server neither failed nor got ready within {timeout:.0f} s",
                where=self.messages[-1].message if self.messages else None,
            ) from error
        finally:
            if not asked.done():
                asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        if server is None or not server.ready:
            raise self._failed(given_reason(self._last_failure()))
        return server

    async def _follow(self, hub: Hub, asked: asyncio.Task[int]) -> None:
        """Follow the progress stream from when the hub has accepted the request until it ends."""
        while not asked.done():
            model = await hub.server(self.user, self.name)
            if model and (model["pending"] == "spawn" or model["ready"]):
                break
            await asyncio.sleep(POLL)
        if asked.done() and asked.exception():
            return
        try:
            async for event in hub.progress(self.user, self.name):
                message = SpawnMessage(
                    self.seconds,
                    event.get("progress"),
                    str(event.get("message", "")),
                    bool(event.get("failed")),
                )
                self.messages.append(message)
                self._watch(message)
        except HubError:
            # A start that fails is no longer pending while the hub clears up after it, and then
            # has no progress (apihandlers/users.py): the answer to the request says why.
            model = await hub.server(self.user, self.name)
            if self.messages or (model and model["pending"] == "spawn"):
                raise

    async def _settled(self, asked: asyncio.Task[int]) -> Server | None:
        """The server once it is ready, or None once nothing is pending any more.

        The answer to the request only says how long it took (202 after ten seconds), so the
        server's model is what counts.
        """
        while True:
            answered = asked.done()
            if answered and (error := asked.exception()):
                if isinstance(error, HubError):
                    raise self._failed(error.message) from error
                raise error
            model = await (await self._hub()).server(self.user, self.name)
            if model and model["ready"]:
                return server_from(self.user, model)
            if answered and not (model and model["pending"]):
                return None
            await asyncio.sleep(POLL)

    def _last_failure(self) -> str:
        return next((one.message for one in reversed(self.messages) if one.failed), "")

    def _failed(self, reason: str) -> HubError:
        return HubError(
            f"{self.user}'s server did not start: {reason}",
            hint=f"`hublab logs hub{self._name_option}` says more",
        )


def given_reason(message: str) -> str:
    """Why a spawn failed, in the hub's words where it has some.

    A spawn that Spawner.start_timeout ended is reported as `Spawn failed: ` and nothing more.
    """
    if message.strip() in ("", "Spawn failed:"):
        return "the hub gives no reason, as after Spawner.start_timeout"
    return message
