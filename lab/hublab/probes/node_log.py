"""What a single-user server wrote on its node, whatever the hub knows of it.

The spawner keeps one folder for each start below `SSHSpawner.run_dir`, in the user's home.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hublab.probes.observation import observed
from hublab.running.live import LiveLab

RUN_DIR = "~/.jupyterhub-ssh"
PRINT = (
    'cd ~ && case $1 in "~"/*) cd "${1#??}" ;; *) cd "$1" ;; esac 2>/dev/null || exit 0; '
    'for log in $(ls -tr */server.log 2>/dev/null); do printf "\\0%s\\0" "$log"; cat "$log"; done'
)

NEWEST = 2000
"""Characters of a log that the journal gets: its end."""


@dataclass(frozen=True, slots=True)
class NodeLog:
    """The log of one start of a server."""

    host: str
    path: str
    text: str


def ends_of(logs: list[NodeLog]) -> list[dict[str, object]]:
    """What the journal gets of logs: how long each is, and its end."""
    return [
        {"path": log.path, "characters": len(log.text), "end": log.text[-NEWEST:]} for log in logs
    ]


@observed("server_logs", ends_of)
async def server_logs(live: LiveLab, user: str, host: str) -> list[NodeLog]:
    """The logs of all servers that a user started on a host, the newest last."""
    folder = str(live.lab.settings().get("hub.SSHSpawner.run_dir", RUN_DIR))
    argv = ("sh", "-c", PRINT, "-", folder)
    done = await asyncio.to_thread(lambda: live.lab.run(host, *argv, user=user))
    _, *parts = done.stdout.split("\0") if done.stdout else [""]
    return [NodeLog(host, path, text) for path, text in zip(parts[::2], parts[1::2], strict=True)]


async def last_server_log(live: LiveLab, user: str, host: str) -> str:
    """The newest of these logs, empty while there is none."""
    logs = await server_logs(live, user, host)
    return logs[-1].text if logs else ""
