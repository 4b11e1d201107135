"""What is told of a login shell that ends before it can be asked anything."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncssh
import pytest

from jupyterhub_sshspawner.errors import NeverRan
from jupyterhub_sshspawner.exchange.node import Node
from jupyterhub_sshspawner.ssh.connections import Pool
from jupyterhub_sshspawner.ssh.dialing import Limits, Target
from jupyterhub_sshspawner.ssh.trust import Access


class Open(asyncssh.SSHServer):
    """Lets everybody in."""

    async def begin_auth(self, username: str) -> bool:
        return False


def ends_at_once(process: asyncssh.SSHServerProcess[Any]) -> None:
    process.stdout.write("out of order\n")
    process.exit(1)


def test_a_shell_that_ends_before_our_request_is_sent() -> None:
    """It comes with the end of the channel: the request then has nowhere to go."""

    async def run() -> NeverRan:
        key = asyncssh.generate_private_key("ssh-ed25519")
        async with asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Open,
            server_host_keys=[key],
            process_factory=ends_at_once,
        ) as server:
            target = Target("alice", "node1", "127.0.0.1", server.get_port(), "alice", "node1")
            pool = Pool(logging.getLogger(__name__))
            node = Node(pool, target, Access(insecure=True), Limits())
            with pytest.raises(NeverRan) as caught:
                await node.ask("status", {}, timeout=60)
            pool.close()
            return caught.value

    error = asyncio.run(run())
    assert "ended with status 1" in str(error)
    assert "start files" in str(error)
    assert "out of order" in error.detail
