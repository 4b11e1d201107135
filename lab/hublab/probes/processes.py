"""What a node runs for a user, as the node itself lists it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hublab.probes.observation import observed
from hublab.running.live import LiveLab


@dataclass(frozen=True, slots=True)
class UserProcess:
    """One process of a user on a node; its command line, which never holds a secret of ours."""

    host: str
    pid: int
    state: str
    command: str

    @property
    def is_connection(self) -> bool:
        """Whether it only carries an SSH connection, as the one that the hub keeps open."""
        return self.command.startswith("sshd")


@observed("user_processes")
async def user_processes(live: LiveLab, user: str) -> list[UserProcess]:
    """All processes of a user, on every node. Zombies are among them, with state `Z`."""
    nodes = [node.service for node in live.lab.of_role("node")]
    listings = await asyncio.gather(*(processes_on(live, node, user) for node in nodes))
    return [process for listing in listings for process in listing]


@observed("processes_on")
async def processes_on(live: LiveLab, node: str, user: str) -> list[UserProcess]:
    """All processes of a user on one node."""
    done = await asyncio.to_thread(
        live.lab.run, node, "ps", "-u", user, "-o", "pid=,stat=,args=", "ww"
    )
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return [UserProcess(node, int(row[0]), row[1], row[2]) for row in rows if len(row) == 3]
