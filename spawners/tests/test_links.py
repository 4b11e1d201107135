"""How room for sessions is shared out among connections. No node is asked."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import asyncssh

from jupyterhub_sshspawner.ssh.links import Group, Link


def opened(link: Link) -> Link:
    """As when its connection has been made."""
    link.connection = Mock(spec=asyncssh.SSHClientConnection)
    link.connection.is_closed.return_value = False
    return link


async def seats(group: Group, count: int) -> list[Link]:
    return [opened(await group.seat()) for _ in range(count)]


def test_without_refusals_one_connection_is_used_and_waited_for() -> None:
    async def run() -> None:
        group = Group(2)
        first, second = await seats(group, 2)
        assert first is second
        waiting = asyncio.create_task(group.seat())
        await asyncio.sleep(0)
        assert not waiting.done()
        group.leave(first)
        assert await waiting is first
        assert len(group.links) == 1

    asyncio.run(run())


def test_what_was_refused_goes_to_further_connections() -> None:
    """Five at once where sshd allows two: three are refused, in turn, as its answers come."""

    async def run() -> None:
        group = Group(8)
        (link, *_) = await seats(group, 5)
        assert [group.refused(link) for _ in range(3)] == [True, True, True]
        assert link.room == 2
        others = await seats(group, 3)
        assert link not in others
        assert {id(one) for one in others} == {id(one) for one in group.links[1:]}
        assert [one.sessions for one in group.links] == [2, 2, 1]

    asyncio.run(run())


def test_there_are_no_more_sessions_in_all_than_configured() -> None:
    async def run() -> None:
        group = Group(3)
        (link, *_) = await seats(group, 2)
        group.refused(link)
        await seats(group, 2)
        waiting = asyncio.create_task(group.seat())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert [one.sessions for one in group.links] == [1, 1, 1]
        group.leave(group.links[1])
        assert await waiting is group.links[1]

    asyncio.run(run())


def test_a_connection_that_is_full_of_something_else() -> None:
    """One other is tried, and not a new one for each request after that."""

    async def run() -> None:
        group = Group(8)
        for _ in range(3):
            (link,) = await seats(group, 1)
            assert not group.refused(link)
            group.give_up(link)
            (other,) = await seats(group, 1)
            assert other is not link
            assert not group.refused(other)
            group.forgive()
        assert len(group.links) == 2

    asyncio.run(run())


def test_a_limit_is_forgotten_with_the_connections_that_showed_it() -> None:
    async def run() -> None:
        group = Group(8)
        (link, _) = await seats(group, 2)
        group.refused(link)
        assert link.room == 1
        group.leave(link)
        link.drop()
        assert (await group.seat()).room == 8

    asyncio.run(run())


def test_who_gave_up_waiting_holds_nothing() -> None:
    async def run() -> None:
        group = Group(1)
        link = await group.seat()
        waiting = [asyncio.create_task(group.seat()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        group.leave(link)
        waiting[1].cancel()
        assert await waiting[2] is link
        assert link.sessions == 1

    asyncio.run(run())
