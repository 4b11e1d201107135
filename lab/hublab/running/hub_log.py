"""What the hub's process says of itself in its log, since it last started."""

from __future__ import annotations

import re
from dataclasses import dataclass

from yarl import URL

from hublab.running.lab import Lab

LISTENING = re.compile(r"Hub API listening on (\S+)")
BEGUN = re.compile(r"Running JupyterHub version|^hublab: hub ended", re.MULTILINE)
RUNNING = re.compile(r"JupyterHub is now running")
ENDED = re.compile(r"hublab: hub ended, exit code")
"""It ended by itself, and not by a signal (compose/images/finish)."""
TAILS = (200, 4000)
"""Lines of log to read, until a start is in them: reading many costs the engine much."""


@dataclass(frozen=True, slots=True)
class HubRun:
    """What the running hub process said of itself since it started."""

    api_url: str | None
    """Where its API listens, None until it does."""
    running: bool
    log: str
    ended: bool = False
    """Whether the last that is known is that it ended by itself; it may be starting again."""

    @property
    def prefix(self) -> str:
        """The hub's own prefix, `/hub/` or `/base/hub/`."""
        return URL(self.api_url).path if self.api_url else "/hub/"


def hub_run(lab: Lab) -> HubRun:
    """Read the hub's log from its last start on."""
    for tail in TAILS:
        log = lab.engine.logs(lab.one("hub").id, tail=tail)
        # What an earlier process said must not count for one that was just started.
        if marks := list(BEGUN.finditer(log)):
            log = log[log.rfind("\n", 0, marks[-1].start()) + 1 :]
            break
    listening = LISTENING.search(log)
    return HubRun(
        listening[1] if listening else None,
        bool(RUNNING.search(log)),
        log,
        bool(ENDED.match(log)),
    )
