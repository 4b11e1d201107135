"""The names of new users must be a list."""

from typing import Any

from tornado import web


async def listed(post: Any, handler: Any) -> None:
    names = (handler.get_json_body() or {}).get("usernames")
    if not isinstance(names, list):
        raise web.HTTPError(400, f"usernames must be a list, not {type(names)}")
    await post(handler)


CHANGES = {"jupyterhub.apihandlers.users:UserListAPIHandler.post": listed}
