"""Ending a server: SIGINT, SIGTERM, SIGKILL on the node, and trying again while it is away."""

from __future__ import annotations

import asyncio
import random
import time

from ..errors import SSHSpawnerError, Unreachable
from ..exchange.node import Node
from ..state import Instance
from ..traits import SSHTraits
from . import launching
from .ways import NodeOf

ANSWER = 15.0  # seconds for the node beyond what it was given, when it is busy


async def end(spawner: SSHTraits, node: Node, instance: Instance, now: bool) -> int:
    """One exec that escalates on the node; returns the exit status.

    ``now`` begins with SIGKILL. Raises SSHSpawnerError unless nothing of the server is left.
    """
    phases: list[tuple[str, int]] = [("KILL", spawner.kill_timeout)]
    if not now:
        phases = [("INT", spawner.interrupt_timeout), ("TERM", spawner.term_timeout), *phases]
    patience = sum(seconds for _, seconds in phases) + ANSWER
    reply = await node.ask("stop", {**launching.about(instance), "phases": phases}, patience)
    if reply.state != "exited":
        raise Unreachable(f"{instance.host} could not end the server", reply.detail)
    if reply.left:
        raise Unreachable(f"{reply.left} processes on {instance.host} outlived SIGKILL")
    return reply.returncode


async def insist(spawner: SSHTraits, node_of: NodeOf, instance: Instance, now: bool) -> int | None:
    """Try to end it for ``stop_timeout``; returns the exit status, or None if that failed."""
    until = time.monotonic() + spawner.stop_timeout
    while True:
        try:
            return await end(spawner, await node_of(instance), instance, now)
        except SSHSpawnerError as error:
            why = error.detail or error
            spawner.log.warning("Cannot stop %s yet: %s", spawner._log_name, why)
        except Exception:  # a setting may be a callable, which can raise anything
            spawner.log.exception("Cannot stop %s", spawner._log_name)
        if time.monotonic() > until:
            return None
        # not in step with the other servers of this user, which share its connection
        await asyncio.sleep(min(2.0, spawner.stop_timeout) * random.uniform(0.5, 1.0))
