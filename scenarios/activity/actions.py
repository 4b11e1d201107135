"""Single actions for the table of what counts as activity, and how their effect is read.

An action is an asynchronous context manager: on entering it prepares, on leaving it does the thing.
In between the times are read for comparison. What it opened ends with the stack that it is given.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

import aiohttp
from yarl import URL

from hublab.scenario import (
    NAVIGATE,
    Kernel,
    LastActivity,
    LiveLab,
    Undecided,
    Visitor,
    credentials,
    until,
)

from .kernels_and_pages import (
    BUSY,
    PRINTING,
    TERMINAL_PRINTING,
    THREAD_PRINTING,
    interrupt,
    new_terminal,
    running,
    socket_of,
)

SETTLE = 0.3
"""Seconds for what may still be on its way: a kernel's last message, the proxy's note."""


@dataclass(frozen=True, slots=True)
class Actors:
    """Alice with her page open and a kernel, and the way in for those who did not sign in."""

    lab: LiveLab
    alice: Visitor
    kernel: str
    stranger: aiohttp.ClientSession


Action = Callable[[Actors, AsyncExitStack], AbstractAsyncContextManager[None]]


async def who_moves(
    action: Action, who: Actors, times: LastActivity, expected: set[str]
) -> set[str]:
    """Do it and tell whose time moved; all that is expected is given time to be seen."""

    async def seen() -> bool:
        return (await times.read()).moved_since(before) >= expected

    async with AsyncExitStack() as later:
        async with action(who, later):
            await asyncio.sleep(SETTLE)
            before = await times.read()
        with contextlib.suppress(Undecided):  # what is missing shows in the table
            await until(seen, seconds=20, what="everything that is expected to move")
        await asyncio.sleep(SETTLE)
        return set((await times.read()).moved_since(before))


def asks(path: str, status: int, *, method: str = "GET", signed_in: bool = True) -> Action:
    """One request through the proxy; a POST brings a little JSON."""

    @contextlib.asynccontextmanager
    async def action(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
        yield
        url = URL(f"{str(who.alice.origin).rstrip('/')}{path}")
        headers = who.alice.xsrf(url) if "/api/" in path else dict(NAVIGATE)
        async with (who.alice.session if signed_in else who.stranger).request(
            method,
            url,
            headers=headers if signed_in else {},
            json={"type": "file"} if method == "POST" else None,
            allow_redirects=False,
        ) as answer:
            await answer.read()
            assert answer.status == status, path

    return action


@contextlib.asynccontextmanager
async def asks_hub_by_token(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    token = await later.enter_async_context(credentials(who.lab, "alice", token=True))
    yield
    async with who.stranger.get(who.alice.origin / "hub/api/user", headers=token.headers) as answer:
        assert answer.status == 200


def monitors(path: str, *, past_proxy: bool = False) -> Action:
    """A program asks with a token of its own, through the proxy or at the server's own address."""

    @contextlib.asynccontextmanager
    async def action(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
        headers = {"Authorization": f"token {await who.lab.secret('api_token')}"}
        server = await who.lab.server("alice")
        assert server is not None
        own = f"http://{server.address}:{server.port}"
        place = own if past_proxy else str(who.alice.origin).rstrip("/")
        yield
        async with who.stranger.get(URL(f"{place}{path}"), headers=headers) as answer:
            assert answer.status == 200, path

    return action


async def page(who: Actors, later: AsyncExitStack) -> Kernel:
    """A page that is connected to alice's kernel."""
    return await later.enter_async_context(who.alice.connect(who.kernel))


@contextlib.asynccontextmanager
async def runs_a_cell(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    tab = await page(who, later)
    yield
    await tab.run("2")


@contextlib.asynccontextmanager
async def asks_kernel_what_it_is(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    tab = await page(who, later)
    yield
    await tab.request("kernel_info_request", {})


@contextlib.asynccontextmanager
async def connects(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    yield
    await page(who, later)


@contextlib.asynccontextmanager
async def computes_in_silence(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    await later.enter_async_context(running(who.alice, who.kernel, BUSY))
    yield


@contextlib.asynccontextmanager
async def prints_into_page(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    await later.enter_async_context(running(who.alice, who.kernel, PRINTING))
    yield


@contextlib.asynccontextmanager
async def prints_unseen(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    async with who.alice.connect(who.kernel) as tab:
        await tab.start(PRINTING)
    later.push_async_callback(interrupt, who.alice, who.kernel)
    yield


async def end_thread(who: Actors) -> None:
    async with who.alice.connect(who.kernel) as tab:
        await tab.run("stop.set()")


@contextlib.asynccontextmanager
async def thread_prints(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    async with who.alice.connect(who.kernel) as tab:
        await tab.run(THREAD_PRINTING)
    later.push_async_callback(end_thread, who)
    yield


@contextlib.asynccontextmanager
async def thread_prints_after_a_look(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    async with who.alice.connect(who.kernel) as tab:
        await tab.run(THREAD_PRINTING)
    later.push_async_callback(end_thread, who)
    tab = await page(who, later)
    # As a page does. What the server itself asks on connecting may still be on its way.
    await tab.ask("kernel_info_request", {})
    yield


async def terminal(
    who: Actors, later: AsyncExitStack, page: AsyncExitStack
) -> aiohttp.ClientWebSocketResponse:
    """A terminal, and a page that shows it until its own stack ends."""
    name = await new_terminal(who.alice)
    later.push_async_callback(who.alice.api, "DELETE", f"terminals/{name}")
    return await page.enter_async_context(socket_of(who.alice, f"terminals/websocket/{name}"))


@contextlib.asynccontextmanager
async def types(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    socket = await terminal(who, later, later)
    yield
    await socket.send_json(["stdin", ":\r"])


@contextlib.asynccontextmanager
async def terminal_prints_into_page(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    socket = await terminal(who, later, later)
    await socket.send_json(["stdin", TERMINAL_PRINTING])
    yield


@contextlib.asynccontextmanager
async def terminal_prints_unseen(who: Actors, later: AsyncExitStack) -> AsyncIterator[None]:
    async with AsyncExitStack() as a_while:
        socket = await terminal(who, later, a_while)
        await socket.send_json(["stdin", TERMINAL_PRINTING])
        while "." not in (await socket.receive_str()).removeprefix('["setup"'):
            pass
    yield
