"""DELETE of what a stopped server has is 424 in JSON."""

from typing import Any


async def told(prepare: Any, handler: Any) -> None:
    if handler.request.method == "DELETE":
        handler.set_status(424)
        handler.finish({"message": "the server is not running"})
    else:
        await prepare(handler)


CHANGES = {"jupyterhub.handlers.base:PrefixRedirectHandler.prepare": told}
