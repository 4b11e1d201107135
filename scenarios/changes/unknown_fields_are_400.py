"""PATCH of a server refuses a field that it does not know with 400."""

import json
from typing import Any

from tornado import web


async def known_only(patch: Any, handler: Any, user_name: str, server_name: str = "") -> None:
    fields = json.loads(handler.request.body or b"{}")
    if isinstance(fields, dict) and fields.keys() - {"name", "display_name", "user_options"}:
        raise web.HTTPError(400)
    await patch(handler, user_name, server_name)


CHANGES = {"jupyterhub.apihandlers.users:UserServerAPIHandler.patch": known_only}
