"""PATCH moves a server to any name."""

from typing import Any


async def but_for_patch(check: Any, handler: Any, *args: Any, **kwargs: Any) -> None:
    if handler.request.method != "PATCH":
        await check(handler, *args, **kwargs)


CHANGES = {"jupyterhub.handlers.base:BaseHandler._check_named_server_request": but_for_patch}
