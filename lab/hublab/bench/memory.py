"""Memory of many servers on one node: PSS, each page divided by how many processes share it.

The root of the engine's machine reads it. In a container nobody may read it of a process of another
user, root included, nor of one that has changed its user.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from hublab.bench.crowd import GENTLE, at_most, crowd_of, end
from hublab.bench.servers import NODE
from hublab.errors import MachineError
from hublab.running.live import LiveLab

REST = 60.0
"""Seconds of rest after the cell."""
CELL = "sum(range(10))"
MEGABYTE = 1e6
BESIDE = ("sshd", "s6-")
"""How the commands begin of what runs on a node without any server."""


async def megabytes(live: LiveLab, count: int) -> dict[str, float]:
    """PSS of so many servers and all beside them, their warm parent included, in megabytes.

    `idle` before any of them was used, `used` a minute after each has run a cell, and `kernels` of
    the kernels that did, which are in none of the others. Raises MachineError where this user
    may not read it.
    """
    users = crowd_of(count)
    found = {}
    try:
        await at_most(users, GENTLE, lambda user: live.spawn(user, on=NODE, timeout=600))
        found["idle"], _ = await pss(live)
        await at_most(users, GENTLE, lambda user: run_cell(live, user))
        await asyncio.sleep(REST)
        found["used"], found["kernels"] = await pss(live)
    finally:
        await end(live, users)
    return found


async def run_cell(live: LiveLab, user: str) -> None:
    """Run a cell in a new kernel, which stays."""
    async with await live.sign_in(user) as visitor:
        await visitor.open_server()
        model = await visitor.api("POST", "kernels", json={})
        async with visitor.connect(model["id"]) as kernel:
            await kernel.run(CELL)


async def pss(live: LiveLab) -> tuple[float, float]:
    """Megabytes of servers, and of their kernels, on the node."""
    node = live.host(NODE).id
    commands = await asyncio.to_thread(live.lab.engine.commands, node)
    servers = kernels = 0.0
    for pid, command in commands.items():
        if command.startswith(BESIDE):
            continue
        size = pss_of(pid) / MEGABYTE
        if "ipykernel" in command:
            kernels += size
        else:
            servers += size
    return servers, kernels


def pss_of(pid: int, proc: Path = Path("/proc")) -> int:
    """Bytes of a process on the engine's machine; 0 of one that has ended."""
    try:
        text = (proc / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError as error:
        raise MachineError(
            f"user {os.getuid()} may not read the memory of process {pid}",
            hint="run the bench as root, on the machine of the engine",
        ) from error
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
