"""post_stop_hook is not called."""

from typing import Any


def nothing(run: Any, spawner: Any) -> None:
    pass


CHANGES = {"jupyterhub.spawner:Spawner.run_post_stop_hook": nothing}
