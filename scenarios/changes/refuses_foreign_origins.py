"""The hub's API refuses what writes and names another origin."""

from typing import Any

from tornado import web


async def own_origin_only(prepare: Any, handler: Any) -> None:
    await prepare(handler)
    origin = handler.request.headers.get("Origin", "")
    writes = handler.request.method not in ("GET", "HEAD", "OPTIONS")
    if writes and origin and origin.partition("//")[2] != handler.request.host:
        raise web.HTTPError(403)


CHANGES = {"jupyterhub.apihandlers.base:APIHandler.prepare": own_origin_only}
