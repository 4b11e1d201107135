"""A warm parent of the user's own, started before the user asks for a server."""

from __future__ import annotations

import asyncio
from typing import Any

from .. import __version__ as version
from .. import places, resolve
from ..choice.hosts import Host
from ..errors import Misconfigured, SSHSpawnerError
from ..exchange.warm_program import warm_program
from ..launcher.prewarm import FOLDER
from ..state import Instance
from ..traits import SSHTraits
from . import launching

SERVERS = 20  # that one user may have of it


async def prewarm(spawner: SSHTraits) -> list[str]:
    """Have a parent on the first ``warm_hosts`` of the user's hosts; returns those that have one.

    What fails is logged and nothing else: a server that finds no parent starts without. Raises
    Misconfigured unless ``warm_start`` is ``user``.
    """
    if spawner.warm_start != "user":
        raise Misconfigured('prewarm() needs c.SSHSpawner.warm_start = "user"')
    hosts = list((await resolve.allowed_hosts(spawner)).values())[: spawner.warm_hosts]
    done = await asyncio.gather(*(_on(spawner, host) for host in hosts))
    return [host.name for host, is_there in zip(hosts, done, strict=True) if is_there]


async def _on(spawner: SSHTraits, host: Host) -> bool:
    try:
        account = await resolve.account(spawner, host)
        node = await places.node_for(spawner, host, account)
        here = Instance(
            FOLDER,
            host.name,
            run_dir=resolve.remote_path(spawner, "run_dir", account),
        )
        body: dict[str, Any] = {
            **launching.about(here),
            "argv": [*(host.cmd or spawner.cmd)],
            "program": warm_program(version),
            "age": spawner.warm_age,
            "memory": spawner.warm_memory,
            "servers": SERVERS,
            "ready_timeout": spawner.start_timeout,
        }
        reply = await node.ask("prewarm", body, spawner.start_timeout + spawner.command_timeout)
    except SSHSpawnerError as error:
        spawner.log.warning("Cannot prewarm %s on %s: %s", spawner._log_name, host.name,
                            error.detail or error)  # fmt: skip
        return False
    if reply.state != "prewarmed":
        spawner.log.warning("Cannot prewarm %s on %s: %s", spawner._log_name, host.name,
                            reply.detail)  # fmt: skip
    return reply.state == "prewarmed"


async def prewarm_after_sign_in(
    authenticator: Any, handler: Any, authentication: dict[str, Any]
) -> dict[str, Any]:
    """For ``c.Authenticator.post_auth_hook``: prewarms while the user looks at the next page."""
    user = handler.user_from_username(authenticator.normalize_username(authentication["name"]))
    task = asyncio.ensure_future(_in_background(user.spawner))
    _running.add(task)
    task.add_done_callback(_running.discard)
    return authentication


_running: set[asyncio.Future[None]] = set()  # else nobody holds them


async def _in_background(spawner: Any) -> None:
    try:
        await spawner.prewarm()
    except Exception:  # of the administrator's callables as well; a sign-in is not to fail by it
        spawner.log.exception("Cannot prewarm %s", spawner._log_name)
