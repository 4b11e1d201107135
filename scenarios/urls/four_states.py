# ruff: noqa: F821
"""Four users in four states: carol's spawn stays pending, dave's fails, others' are as ever."""

import asyncio
from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab


async def hold_or_fail(spawner: Any) -> None:
    if spawner.user.name == "carol":
        await asyncio.Event().wait()  # until the hub ends
    if spawner.user.name == "dave":
        raise RuntimeError("no room today")


c.Spawner.pre_spawn_hook = hold_or_fail
# POST …/server answers at once and does not wait 10 s for a spawn that stays pending.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
