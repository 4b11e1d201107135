"""The hub compares no versions when a server starts, and keeps its own as the server's."""

from importlib.metadata import version
from typing import Any


def nothing(check: Any, *versions_and_log: Any) -> None:
    pass


async def as_its_own(wait_up: Any, user: Any, spawner: Any) -> None:
    await wait_up(user, spawner)
    spawner._jupyterhub_version = version("jupyterhub")


CHANGES = {
    "jupyterhub.user:_check_version": nothing,
    "jupyterhub.user:User._wait_up": as_its_own,
}
