"""How a lab's servers are started: cold, or forked by a parent that has done the imports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hublab.probes.waiting import until
from hublab.running.live import LiveLab
from hublab.running.switching import apply_settings
from hublab.settings.checking import check_settings
from hublab.settings.syntax import load_snippet
from hublab.settings.values import Settings

COLD = ""
WARM = ("node", "user")
"""Values of `SSHSpawner.warm_start`: one parent a node, or one a user."""
KEY = "hub.SSHSpawner.warm_start"
HOOK = Path(__file__).with_name("prewarm_snippet.py")
LISTENS = 'grep -q " 00010000 .*/$1/.*/warm/.*sock$" /proc/net/unix'
"""Whether a user's own parent listens on the node: the flag is __SO_ACCEPTCON (linux/net.h)."""
PATIENCE = Settings({"hub.Spawner.start_timeout": 600, "hub.Spawner.http_timeout": 120})
"""Many cold starts at once share the node's cores, and are ready late."""


async def use(live: LiveLab, form: str, more: Settings = PATIENCE) -> None:
    """Have the hub start servers in a form from now on.

    Raises SettingError where the hub's spawner does not know the form.
    """
    wanted = more.merged(Settings({KEY: form or "off"}))
    if form == "user":
        wanted = wanted.merged(Settings({"hub.snippet": load_snippet(HOOK)}))
    lab = live.lab
    # a trait that the spawner does not have would only be warned of, and cold measured as warm
    await asyncio.to_thread(check_settings, lab.engine, lab.images, wanted, lab=lab.name)
    await apply_settings(lab, wanted)
    await live.forget_hub()
    await live.hub()  # many who ask at once would each look it up


async def prewarm(live: LiveLab, form: str, users: Sequence[str], node: str) -> None:
    """Where each user has a parent of their own: sign them in, and wait until all parents listen.

    Raises Undecided for one that does not.
    """
    for user in users if form == "user" else ():
        async with await live.sign_in(user):
            listens = partial(parent_listens, live, node, user)
            await until(listens, what=f"{user} has a warm parent on {node}")


async def parent_listens(live: LiveLab, node: str, user: str) -> bool:
    """Whether a user's own parent can be asked on a node."""
    return (await live.exec(node, "sh", "-c", LISTENS, "-", user)).exit_code == 0


def label(form: str) -> str:
    """What the form is called in tables and plots."""
    return "cold" if form == COLD else f"warm, {form}"
