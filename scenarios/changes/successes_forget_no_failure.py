"""A start that succeeds leaves the count of failures as it is."""

from typing import Any

from tornado import web

EVER = "failures_ever"


async def after_all_of_them(start: Any, handler: Any, *args: Any, **kwargs: Any) -> Any:
    ever = handler.settings.setdefault(EVER, 0)
    handler.settings["failure_count"] = ever
    try:
        return await start(handler, *args, **kwargs)
    except web.HTTPError as error:
        handler.settings[EVER] = ever + (error.status_code == 500)
        raise


CHANGES = {"jupyterhub.handlers.base:BaseHandler.spawn_single_user": after_all_of_them}
