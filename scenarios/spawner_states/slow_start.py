# ruff: noqa: F821
"""A hub whose spawner never comes to the end of its `start`, and says nothing of its own."""

import asyncio
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner  # type: ignore[import-untyped]

c: Any  # what traitlets calls the configuration; given by the lab


class SlowStart(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """As where a queue has no place free."""

    async def start(self) -> Any:
        await asyncio.sleep(3600)


c.JupyterHub.spawner_class = SlowStart
