"""A user whose server runs gets no new name."""

from typing import Any

from tornado import web


async def later(patch: Any, handler: Any, user_name: str) -> None:
    if handler.find_user(user_name).running:
        raise web.HTTPError(400)
    await patch(handler, user_name)


CHANGES = {"jupyterhub.apihandlers.users:UserAPIHandler.patch": later}
