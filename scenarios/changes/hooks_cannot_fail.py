"""A pre_spawn_hook that fails ends no start."""

import contextlib
import inspect
from typing import Any


def whatever_it_raises(run: Any, spawner: Any) -> Any:
    async def quietly() -> None:
        with contextlib.suppress(Exception):
            done = run(spawner)
            if inspect.isawaitable(done):
                await done

    return quietly()


CHANGES = {"jupyterhub.spawner:Spawner.run_pre_spawn_hook": whatever_it_raises}
