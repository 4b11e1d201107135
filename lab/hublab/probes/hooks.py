"""Runs of the hub's hooks, which a snippet has print `HOOK {…}` into the hub's log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hublab.probes.observation import observed
from hublab.running.live import LiveLab

LINE = re.compile(r"^HOOK (\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HookRun:
    """One run of a hook: its name, whose server it was for, and all that it printed."""

    hook: str
    user: str
    server: str
    printed: dict[str, Any]


@observed("hook_runs")
async def hook_runs(live: LiveLab, hook: str = "") -> list[HookRun]:
    """All runs of a hook, or of every hook, since the hub's last start, in order."""
    return runs_in(await live.hub_log(), hook)


def runs_in(log: str, hook: str = "") -> list[HookRun]:
    """The runs of a hook, or of every hook, in a log, whatever else is in it."""
    found = [json.loads(match[1]) for match in LINE.finditer(log)]
    return [
        HookRun(one["hook"], one["user"], one["server"], one)
        for one in found
        if hook in ("", one["hook"])
    ]
