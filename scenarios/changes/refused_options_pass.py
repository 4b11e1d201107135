"""An option that is refused is passed over."""

import contextlib
from typing import Any


async def passed_over(apply: Any, spawner: Any, user_options: Any) -> None:
    with contextlib.suppress(Exception):
        await apply(spawner, user_options)


CHANGES = {"jupyterhub.spawner:Spawner._run_apply_user_options": passed_over}
