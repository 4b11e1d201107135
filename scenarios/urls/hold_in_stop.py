# ruff: noqa: F821
"""Every stop is held in its last step, which is the hook, until the hub ends."""

import asyncio
from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab


async def hold(spawner: Any) -> None:
    await asyncio.Event().wait()


c.Spawner.post_stop_hook = hold
# DELETE …/server answers at once and does not wait 10 s for the hook.
c.JupyterHub.tornado_settings = {"slow_stop_timeout": 0}
