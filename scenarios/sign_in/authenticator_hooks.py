# ruff: noqa: F821
"""A hub whose authenticator says when it is called around a server, and with what.

A file `/tmp/hublab-flags/HOOK-USER` is an error that the hook raises. Each call of a hook is one
line of the hub's log, the spawner's own hooks among them.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any

from jupyterhub.authenticators.shared import (  # type: ignore[import-untyped]
    SharedPasswordAuthenticator,
)

c: Any  # what traitlets calls the configuration; given by the lab
FLAGS = Path("/tmp/hublab-flags")


def tell(hook: str, user: Any, spawner: Any) -> None:
    told = {
        "hook": hook,
        "user": user.name,
        "server": spawner.name,
        "of_spawner": user is spawner.user,
        "node": spawner.get_state().get("host"),
        "host": socket.gethostname(),
        "uid": os.getuid(),
    }
    print("HOOK", json.dumps(told), flush=True)
    if (FLAGS / f"{hook}-{user.name}").exists():
        raise RuntimeError(f"{hook} is told to fail")


class HookedAuthenticator(SharedPasswordAuthenticator):  # type: ignore[misc]
    """The lab's own sign-in, with both hooks around a server."""

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        tell("pre_spawn_start", user, spawner)
        spawner.environment["OPENED_BY"] = socket.gethostname()

    async def post_spawn_stop(self, user: Any, spawner: Any) -> None:
        tell("post_spawn_stop", user, spawner)


c.JupyterHub.authenticator_class = HookedAuthenticator
c.Spawner.pre_spawn_hook = lambda spawner: tell("pre_spawn_hook", spawner.user, spawner)
c.Spawner.post_stop_hook = lambda spawner: tell("post_stop_hook", spawner.user, spawner)
