"""Many users at once on one node: until the last has a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from hublab.bench.servers import NODE
from hublab.running.live import LiveLab

T = TypeVar("T")
TIMEOUT = 600.0
"""Seconds for all of them."""
GENTLE = 4
"""How many at a time where the time does not count."""


def crowd_of(count: int) -> list[str]:
    """The names of so many users."""
    return [f"user{number}" for number in range(1, count + 1)]


async def last_ready(live: LiveLab, count: int) -> dict[str, float]:
    """Seconds until the last of so many users has a server, who all ask at once.

    `first` is their first start, which signs the hub in to the node for each; `last` the next one,
    over connections that are open. None of them has a server before and after.
    """
    users = crowd_of(count)
    found = {}
    for wave in ("first", "last"):
        begun = asyncio.get_running_loop().time()
        try:
            await at_most(
                users, len(users), lambda user: live.spawn(user, on=NODE, timeout=TIMEOUT)
            )
            found[wave] = asyncio.get_running_loop().time() - begun
        finally:
            await end(live, users)
    return found


async def end(live: LiveLab, users: Sequence[str]) -> None:
    """Stop the servers of these users that run."""
    running = {server.user for server in await live.servers() if server.ready}
    await at_most(sorted(running & set(users)), GENTLE, lambda user: live.stop(user))


async def at_most(users: Sequence[str], limit: int, work: Callable[[str], Awaitable[T]]) -> list[T]:
    """Do something for each user, for so many at a time. The first error cancels the rest."""
    room = asyncio.Semaphore(max(limit, 1))

    async def one(user: str) -> T:
        async with room:
            return await work(user)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(user)) for user in users]
    return [task.result() for task in tasks]
