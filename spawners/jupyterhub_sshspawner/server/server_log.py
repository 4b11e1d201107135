"""A running server's log for its user: ``GET /hub/api/users/NAME/server/log``.

Of a named server ``…/users/NAME/servers/SERVER/log``. The answer is plain text, also for a browser
that is signed in. It takes the scope ``access:servers``, as using the server does, in which the
log can be read as well: users have it for their own servers, administrators for all.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from jupyterhub import apihandlers
from jupyterhub.scopes import needs_scope
from tornado import web

from ..errors import AuthenticationRefused, SSHSpawnerError, Unreachable
from ..exchange import payload
from ..state import Instance
from ..traits import SSHTraits
from . import launching
from .ways import NodeOf


async def read(spawner: SSHTraits, node_of: NodeOf, instance: Instance | None) -> str | None:
    """The log's last lines, at most 32 KiB, without secrets; None when no server runs.

    The node has removed what is secret in the environments of the server's processes; what the hub
    knows is removed here once more. Raises SSHSpawnerError when the node cannot tell, Unreachable
    within ``poll_timeout``.
    """
    if instance is None:
        return None
    patience = spawner.poll_timeout
    try:
        async with asyncio.timeout(patience):
            node = await node_of(instance)
            reply = await node.ask("log", launching.about(instance), patience)
    except TimeoutError as error:
        words = f"did not answer within {patience:g} s (SSHSpawner.poll_timeout)"
        raise Unreachable(f"{instance.host} {words}") from error
    if reply.state == "failed":
        raise SSHSpawnerError(f"{instance.host} cannot show the log: {reply.detail[:1000]}")
    if reply.state != "log":
        return None
    env = {key: value for key, value in spawner.environment.items() if isinstance(value, str)}
    return payload.redact(reply.tail, payload.secrets_in(env, spawner.api_token))


_under_way: WeakKeyDictionary[Any, asyncio.Task[str | None]] = WeakKeyDictionary()


async def read_once(spawner: Any) -> str | None:
    """The same; who asks meanwhile gets the same answer, so that nobody floods a node."""
    task = _under_way.get(spawner)
    if task is None or task.done():
        task = _under_way[spawner] = asyncio.create_task(spawner.read_log())
    return await asyncio.shield(task)


class ServerLogHandler(apihandlers.APIHandler):  # type: ignore[misc]
    """The end of a running server's log."""

    @needs_scope("access:servers")  # type: ignore[untyped-decorator]
    async def get(self, user_name: str, server_name: str = "") -> None:
        """Plain text; 404 when no such server runs, 503 when its node cannot be asked now."""
        user = self.find_user(user_name)
        if user is None or server_name not in user.spawners:
            raise web.HTTPError(404, "no such server runs")
        spawner = user.spawners[server_name]
        if not isinstance(spawner, SSHTraits):
            raise web.HTTPError(404, "this server is not one of SSHSpawner's")
        try:
            text = await read_once(spawner)
        except SSHSpawnerError as error:
            self.log.warning("Cannot read the log of %s: %s", spawner._log_name,
                             error.detail or error)  # fmt: skip
            away = isinstance(error, Unreachable | AuthenticationRefused)
            raise web.HTTPError(503 if away else error.status, "%s", error) from error
        if text is None:
            raise web.HTTPError(404, "no such server runs")
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.finish(text)
