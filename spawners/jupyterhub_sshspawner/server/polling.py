"""Asking whether a server runs, and what it means when there is no answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..errors import Unreachable
from ..exchange.protocol import Reply
from ..state import Instance
from ..traits import SSHTraits
from . import launching
from .ways import NodeOf


async def ask_status(
    spawner: SSHTraits, node_of: NodeOf, instance: Instance, wait: float = 0.0
) -> Reply:
    """What the node knows, within ``poll_timeout``.

    ``wait`` is how many seconds longer the node may wait for a start that is under way to end.
    """
    patience = spawner.poll_timeout + wait
    greeted: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(patience):
            node = await node_of(instance)
            body = {**launching.about(instance), "wait": wait, "ticket": node.access.gss_delegate}
            reply = await node.ask("status", body, patience, greeted.append)
    except TimeoutError as error:
        what = "answer" if greeted else "come to running the launcher"
        words = f"did not {what} within {patience:g} s (SSHSpawner.poll_timeout)"
        raise Unreachable(f"{instance.host} {words}") from error
    if reply.state == "failed":
        raise Unreachable(f"{instance.host} cannot tell", reply.detail)
    return reply


class Doubt:
    """Polls in a row that had no answer. Unreachable is not dead (jupyterhub#3171)."""

    def __init__(self) -> None:
        self._missed = 0
        self._again = 0.0

    @property
    def too_early(self) -> bool:
        """Whether the next poll should not ask yet: an absent node is asked less often."""
        return time.monotonic() < self._again

    def clear(self) -> None:
        """The node has answered."""
        self._missed, self._again = 0, 0.0

    def another(self, spawner: SSHTraits, why: str) -> int | None:
        """One more: None, as for a server that runs, until ``unreachable_limit`` gives it up."""
        self._missed += 1
        wait = min(spawner.poll_interval * 2 ** min(self._missed - 1, 4), 300)
        self._again = time.monotonic() + wait * 0.9
        spawner.log.warning(
            "Cannot tell whether %s runs (%i times in a row): %s",
            spawner._log_name, self._missed, why,
        )  # fmt: skip
        if spawner.unreachable_limit and self._missed >= spawner.unreachable_limit:
            spawner.log.error("Giving %s up, as unreachable_limit says", spawner._log_name)
            return 1
        return None
