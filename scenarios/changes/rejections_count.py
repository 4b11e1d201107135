"""A start that was rejected counts as a failure."""

from typing import Any

from tornado import web


async def counted(start: Any, handler: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return await start(handler, *args, **kwargs)
    except Exception as error:
        if not isinstance(error, web.HTTPError) or error.status_code != 500:
            before = handler.settings.get("failure_count", 0)
            handler.settings["failure_count"] = before + 1
        raise


CHANGES = {"jupyterhub.handlers.base:BaseHandler.spawn_single_user": counted}
