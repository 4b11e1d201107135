"""What a hook puts into the environment of a server is left out."""

from typing import Any


def without(get_env: Any, spawner: Any) -> dict[str, str]:
    found: dict[str, str] = get_env(spawner)
    return {name: value for name, value in found.items() if name not in ("MADE_BY", "OPENED_BY")}


CHANGES = {"jupyterhub.spawner:Spawner.get_env": without}
