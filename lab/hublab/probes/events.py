"""Everything that happens in a lab, as it happens: containers, logs, routes, servers.

Containers and logs come from the engine by themselves. Routes and servers are asked for every
INTERVAL; what comes and goes between two questions is not seen. The lines that these questions
leave in the logs of hub and proxy are left out, one for each question.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp

from hublab.engine.streams import Stream, container_event, log_lines, watch_containers, watch_log
from hublab.errors import HubError, HublabError
from hublab.journal.redaction import Redactor
from hublab.probes.event_lines import (
    Seen,
    State,
    container_line,
    line_of,
    route_lines,
    server_lines,
)
from hublab.running.live import LiveLab
from hublab.running.proxy_api import proxy_api_of

INTERVAL = 0.5
"""Seconds between two questions."""
PATIENCE = 3.0
"""Seconds until a silent hub or proxy is called silent."""
OUR_LINES = {
    "hub": re.compile(r"200 GET \S*/api/users \(hublab@"),
    "proxy": re.compile(r"200 GET /api/routes\s*$"),
}
"""Role -> the line that one of our questions leaves in its log."""


class EventWatch:
    """Gathers what happens from all sides into one queue. Use `watch_events`."""

    def __init__(self, live: LiveLab, secrets: set[str], *, own: bool = False) -> None:
        self.live = live
        self.queue: asyncio.Queue[Seen | BaseException] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._streams: list[Stream] = []
        self._asked: Counter[str] = Counter()
        self._own = own
        self._redact = Redactor(secrets)

    # -- what the engine streams, each in a thread of its own --------------------

    def start(self, since: float) -> None:
        """Begin with the hosts that there are."""
        lab = self.live.lab
        self._follow(watch_containers(lab.engine, lab.name, since), self._container)
        for host in lab.hosts.values():
            self._follow_log(host.id, host.service, since)

    def _follow_log(self, container: str, host: str, since: float) -> None:
        with contextlib.suppress(HublabError):  # a container that is gone has no log
            stream = watch_log(self.live.lab.engine, container, since)
            self._follow(stream, lambda piece: self._log(host, piece))

    def _follow(self, stream: Stream, take: Callable[[Any], None]) -> None:
        def run() -> None:
            try:
                for item in stream:
                    take(item)
            except HublabError as error:
                self._put(error)

        self._streams.append(stream)
        threading.Thread(target=run, daemon=True).start()

    def _put(self, item: Seen | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self.queue.put_nowait, item)

    def _container(self, raw: dict[str, Any]) -> None:
        if event := container_event(raw):
            self._put(container_line(event))
            if event.action == "start":
                self._follow_log(event.id, event.host, event.at)

    def _log(self, host: str, piece: bytes) -> None:
        known = self.live.lab.hosts.get(host)
        role = known.role if known else ""
        for at, text in log_lines(piece):
            ours = not self._own and role in OUR_LINES
            if ours and self._asked[role] > 0 and OUR_LINES[role].search(text):
                self._asked[role] -= 1
                continue
            self._put({"at": at, "source": "log", "host": host, "line": self._redact.text(text)})

    # -- what has to be asked for ------------------------------------------------

    async def ask_routes(self) -> None:
        """Queue each change of the proxy's table."""
        api = await proxy_api_of(self.live)
        headers = await asyncio.to_thread(api.headers)
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with self.live.channel.session(headers=headers, timeout=timeout) as session:

            async def ask() -> State:
                async with session.get(api.routes) as answer:
                    if answer.status != 200:
                        raise HubError(f"the proxy's API answered {answer.status}")
                    table: dict[str, dict[str, Any]] = await answer.json()
                return {path: entry["target"] for path, entry in table.items()}

            await self._ask_on("proxy", ask, route_lines)

    async def ask_servers(self) -> None:
        """Queue each change of a server's state, as the hub has it."""

        async def ask() -> State:
            try:
                async with asyncio.timeout(PATIENCE):
                    users = await (await self.live.hub()).users()
            except (HublabError, TimeoutError):
                await self.live.forget_hub()
                raise
            return {
                f"{user['name']}/{model['name']}": model["pending"]
                or ("ready" if model["ready"] else "stopped")
                for user in users
                for model in user.get("servers", {}).values()
            }

        await self._ask_on("hub", ask, server_lines)

    async def _ask_on(
        self,
        role: str,
        ask: Callable[[], Awaitable[State]],
        lines: Callable[[State, State], list[Seen]],
    ) -> None:
        """Ask again and again; queue what differs from before, and silence once."""
        before: State | None = None
        silent = False
        host = self.live.lab.one(role).service
        while True:
            self._asked[role] += 1
            try:
                now = await ask()
            except (HublabError, aiohttp.ClientError, TimeoutError, OSError) as error:
                # One that hangs is answered, and logged, when it thaws; the others never are.
                if not isinstance(error, TimeoutError):
                    self._asked[role] -= 1
                if not silent:
                    words = str(error).partition("\n")[0] or type(error).__name__
                    self.queue.put_nowait(line_of(role, "silent", host=host, reason=words))
                silent = True
            else:
                if silent:
                    self.queue.put_nowait(line_of(role, "answers", host=host))
                silent = False
                for line in lines(before, now) if before is not None else []:
                    self.queue.put_nowait(line)
                before = now
            await asyncio.sleep(INTERVAL)

    async def lines(self, tasks: list[asyncio.Task[None]]) -> AsyncIterator[Seen]:
        """What comes, in the order in which it comes. Raises what ended one of the sources."""
        for task in tasks:
            task.add_done_callback(self._ended)
        while True:
            item = await self.queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self.queue.put_nowait(error)

    def close(self) -> None:
        """End the streams of the engine, and with them their threads."""
        for stream in self._streams:
            stream.close()


@contextlib.asynccontextmanager
async def watch_events(live: LiveLab, *, own: bool = False) -> AsyncIterator[AsyncIterator[Seen]]:
    """The stream of what happens from now on, as JSON objects with `at` and `source`.

    With `own` also the lines that its own questions leave in the logs.
    """
    secrets = await asyncio.to_thread(live.lab.secrets)
    watch = EventWatch(live, secrets, own=own)
    tasks: list[asyncio.Task[None]] = []
    try:
        await asyncio.to_thread(watch.start, time.time())
        tasks += [asyncio.create_task(watch.ask_routes()), asyncio.create_task(watch.ask_servers())]
        yield watch.lines(tasks)
    finally:
        watch.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
