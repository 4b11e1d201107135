"""What the hub's hooks said of themselves, where a snippet has them print `HOOK {…}`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hublab.running.live import LiveLab

LINE = re.compile(r"^HOOK (\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HookRun:
    """One run of a hook: its name, whose server, and all that it told."""

    hook: str
    user: str
    server: str
    told: dict[str, Any]


async def hook_runs(live: LiveLab, hook: str) -> list[HookRun]:
    """All runs of a hook since the hub's last start, in order."""
    return runs_in(await live.hub_log(), hook)


def runs_in(log: str, hook: str) -> list[HookRun]:
    """The runs of a hook in a log, whatever else is in it."""
    told = [json.loads(match[1]) for match in LINE.finditer(log)]
    return [HookRun(hook, one["user"], one["server"], one) for one in told if one["hook"] == hook]
