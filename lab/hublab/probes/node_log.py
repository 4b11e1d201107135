"""What a single-user server wrote on its node, whatever the hub knows of it."""

from __future__ import annotations

import asyncio

from hublab.probes.observation import observed
from hublab.running.live import LiveLab
from hublab.running.server_log import ServerLog, logs_on

NEWEST = 2000
"""Characters of a log that the journal gets: its end."""


def ends_of(logs: list[ServerLog]) -> list[dict[str, object]]:
    """What the journal gets of logs: how long each is, and its end."""
    return [
        {"path": log.path, "characters": len(log.text), "end": log.text[-NEWEST:]} for log in logs
    ]


@observed("server_logs", ends_of)
async def server_logs(live: LiveLab, user: str, host: str) -> list[ServerLog]:
    """The logs of all servers that a user started on a host, the newest last."""
    return await asyncio.to_thread(logs_on, live.lab, user, host)


async def last_server_log(live: LiveLab, user: str, host: str) -> str:
    """The newest of these logs, empty while there is none."""
    logs = await server_logs(live, user, host)
    return logs[-1].text if logs else ""
