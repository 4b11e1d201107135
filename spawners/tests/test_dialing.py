"""How long a sign-in may take: little where nobody answers, more where somebody does."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncssh
import pytest

from jupyterhub_sshspawner.errors import Unreachable
from jupyterhub_sshspawner.ssh.connections import Pool
from jupyterhub_sshspawner.ssh.dialing import Hop, Limits, Target, dial
from jupyterhub_sshspawner.ssh.trust import Access

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
IMPATIENT = Limits(connect_timeout=1, sign_in_timeout=2)
"""Seconds: the tests wait for them to pass."""
NOWHERE = 9
"""A port to which the way, from a jump host, leads through a filter."""


class Slow(asyncssh.SSHServer):
    """Needs its time to let somebody in, or through to another, as one with much to do."""

    seconds = 0.0
    signed_in = 0

    async def begin_auth(self, username: str) -> bool:
        await asyncio.sleep(self.seconds)
        type(self).signed_in += 1
        return False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    async def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Any:
        await asyncio.sleep(3600 if dest_port == NOWHERE else self.seconds)
        return await self.connection.forward_connection(dest_host, dest_port)


@asynccontextmanager
async def slow_machine(seconds: float) -> AsyncIterator[tuple[int, type[Slow]]]:
    """The port of an SSH server that takes so long to let somebody in, and what counts them."""
    kind = type("Kind", (Slow,), {"seconds": seconds})
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=kind, server_host_keys=[HOST_KEY])
    async with server:
        yield server.get_port(), kind


@asynccontextmanager
async def machine(seconds: float) -> AsyncIterator[int]:
    async with slow_machine(seconds) as (port, _):
        yield port


@contextmanager
def silent() -> Iterator[int]:
    """A port at which the system accepts connections, and nobody reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def sign_in(port: int, limits: Limits, jumps: tuple[Hop, ...] = ()) -> int:
    """How many connections lead there."""
    access = Access(insecure=True)
    target = Target("alice", "node1", "127.0.0.1", port, "alice", "node1", jumps)
    opened = await dial(target, access, limits)
    for connection in reversed(opened):
        connection.abort()
    return len(opened)


async def refusal(port: int, limits: Limits, jumps: tuple[Hop, ...] = ()) -> str:
    with pytest.raises(TimeoutError) as caught:
        await sign_in(port, limits, jumps)
    (setting,) = re.findall(r"SSHSpawner\.(\w+)", str(caught.value))
    return str(setting)


def test_a_host_that_is_silent() -> None:
    async def run() -> str:
        with silent() as port:
            return await refusal(port, IMPATIENT)

    assert asyncio.run(run()) == "connect_timeout"


def test_a_host_that_answers_has_longer() -> None:
    async def run() -> int:
        async with machine(1.5) as port:
            return await sign_in(port, Limits(connect_timeout=1, sign_in_timeout=60))

    assert asyncio.run(run()) == 1


def test_a_host_that_answers_and_lets_nobody_in() -> None:
    async def run() -> str:
        async with machine(3600) as port:
            return await refusal(port, IMPATIENT)

    assert asyncio.run(run()) == "sign_in_timeout"


def test_it_is_the_last_machine_that_must_answer() -> None:
    """One that is silent behind a jump host which is not."""

    async def run() -> str:
        async with machine(0) as door:
            with silent() as port:
                return await refusal(port, IMPATIENT, (Hop("127.0.0.1", door),))

    assert asyncio.run(run()) == "connect_timeout"


def test_it_must_answer_however_slow_the_way_to_it_was() -> None:
    """The jump host has let us in when connect_timeout is long over; the next one is silent."""

    async def run() -> str:
        async with machine(1.5) as door:
            with silent() as port:
                limits = Limits(connect_timeout=1, sign_in_timeout=60)
                return await refusal(port, limits, (Hop("127.0.0.1", door),))

    assert asyncio.run(run()) == "connect_timeout"


def test_each_machine_has_its_own_time_to_answer() -> None:
    """Together they take longer than one may, each of them less."""

    async def run() -> int:
        async with machine(0.7) as door, machine(0) as port:
            limits = Limits(connect_timeout=1.2, sign_in_timeout=60)
            return await sign_in(port, limits, (Hop("127.0.0.1", door),))

    assert asyncio.run(run()) == 2


def test_a_sign_in_outlives_who_did_not_wait_for_it() -> None:
    """Who asks next finds it, or joins it: polls have less patience than a sign-in may need."""

    async def run() -> tuple[int, int]:
        impatient = 0
        async with slow_machine(1.5) as (port, kind):
            pool = Pool(logging.getLogger(__name__))
            target = Target("alice", "node1", "127.0.0.1", port, "alice", "node1")
            for _ in range(100):
                try:
                    async with (
                        asyncio.timeout(0.5),
                        pool.borrow(target, Access(insecure=True), Limits()),
                    ):
                        break
                except TimeoutError:
                    impatient += 1
            pool.close()
            return impatient, kind.signed_in

    impatient, signed_in = asyncio.run(run())
    assert impatient
    assert signed_in == 1


async def met(port: int, *users: str, jumps: tuple[Hop, ...] = ()) -> list[Unreachable]:
    """What users are told whom the machine does not let in in time, one after the other."""
    pool = Pool(logging.getLogger(__name__))
    found = []
    for user in users:
        target = Target(user, "node1", "127.0.0.1", port, user, "node1", jumps)
        with pytest.raises(Unreachable) as caught:
            async with pool.borrow(target, Access(insecure=True), IMPATIENT):
                pass
        found.append(caught.value)
    pool.close()
    return found


def test_a_slow_sign_in_is_no_silent_host() -> None:
    """A home that hangs, with its authorized_keys, is one account's; two are the host's doing."""

    async def run() -> list[Unreachable]:
        async with machine(3600) as port:
            return await met(port, "alice", "alice", "bob")

    errors = asyncio.run(run())
    assert "node1 answers, but did not let alice in (not signed in after 2 s" in str(errors[0])
    assert "authorized_keys" in str(errors[0])
    assert [error.everybody for error in errors] == [False, False, True]


def test_a_slow_jump_host_is_not_the_node() -> None:
    async def run() -> str:
        with silent() as door:
            (error,) = await met(NOWHERE, "alice", jumps=(Hop("127.0.0.1", door),))
            return str(error)

    told = asyncio.run(run())
    assert "the jump host 127.0.0.1, on the way to node1, cannot be reached: not signed in" in told
    assert "SSHSpawner.connect_timeout" in told


def test_a_way_that_leads_nowhere() -> None:
    """The jump host answers; the machine behind it does not, which is what counts."""

    async def run() -> str:
        async with machine(0) as door:
            return await refusal(NOWHERE, IMPATIENT, (Hop("127.0.0.1", door),))

    assert asyncio.run(run()) == "connect_timeout"


def test_a_patience_that_is_longer_than_the_other() -> None:
    async def run() -> int:
        async with machine(0.5) as door, machine(0.5) as port:
            limits = Limits(connect_timeout=60, sign_in_timeout=0.1)
            return await sign_in(port, limits, (Hop("127.0.0.1", door),))

    assert asyncio.run(run()) == 2
