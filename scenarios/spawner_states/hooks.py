# ruff: noqa: F821
"""A hub whose hooks say that they run, and where, and do what a file on its host orders.

A flag file is `/tmp/hublab-flags/HOOK` or `HOOK-USER`: `wait` keeps the hook there as long as the
file is, any other word is what it raises. Each run of a hook is one line of the hub's log.
"""

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SpawnException  # type: ignore[import-untyped]
from tornado.web import HTTPError

c: Any  # what traitlets calls the configuration; given by the lab
FLAGS = Path("/tmp/hublab-flags")


def ordered(hook: str, spawner: Any) -> str:
    paths = [FLAGS / f"{hook}-{spawner.user.name}", FLAGS / hook]
    return next((path.read_text() for path in paths if path.exists()), "")


async def run(hook: str, spawner: Any) -> None:
    told = {
        "hook": hook,
        "user": spawner.user.name,
        "server": spawner.name,
        "host": socket.gethostname(),
        "uid": os.getuid(),
        "options": spawner.user_options,
        "default_url": spawner.default_url,
        "ready": bool(spawner.server and spawner.server.port),
    }
    print("HOOK", json.dumps(told), flush=True)
    while ordered(hook, spawner) == "wait":  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    match ordered(hook, spawner):
        case "SpawnException":
            raise SpawnException(
                "The public words.",
                reason="capacity",
                log_message="The private words.",
                message_html="<b>The public words.</b>",
                status_code=503,
            )
        case "HTTPError 403":
            raise HTTPError(403, "Not today.")
        case "HTTPError reason":
            raise HTTPError(403, reason="Over quota")
        case "ValueError":
            raise ValueError("The words of an error.")


async def pre_spawn_hook(spawner: Any) -> None:
    await run("pre_spawn_hook", spawner)
    (Path("/tmp") / f"made-for-{spawner.user.name}").touch()
    spawner.environment["MADE_BY"] = socket.gethostname()


async def post_stop_hook(spawner: Any) -> None:
    await run("post_stop_hook", spawner)


c.Spawner.pre_spawn_hook = pre_spawn_hook
c.Spawner.post_stop_hook = post_stop_hook
