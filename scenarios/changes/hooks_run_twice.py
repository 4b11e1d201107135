"""The hook of a stop runs twice."""

import inspect
from typing import Any


async def twice(run: Any, spawner: Any) -> None:
    for _ in range(2):
        if inspect.isawaitable(running := run(spawner)):
            await running


CHANGES = {"jupyterhub.spawner:Spawner.run_post_stop_hook": twice}
