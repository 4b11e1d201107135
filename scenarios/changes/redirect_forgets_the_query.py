"""/user-redirect forgets the query of whoever has no server."""

from typing import Any


async def forgotten(redirect: Any, handler: Any, path: str) -> None:
    if handler.current_user and not handler.current_user.running:
        handler.request.query = ""
    await redirect(handler, path)


CHANGES = {"jupyterhub.handlers.base:UserRedirectHandler.get": forgotten}
