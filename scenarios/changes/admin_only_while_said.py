"""Whom a refresh does not call an admin is none any more."""

from typing import Any


async def as_said(persist: Any, handler: Any, authenticated: Any, user: Any = None) -> Any:
    if user is not None and authenticated.get("admin") is None:
        authenticated["admin"] = False
    return await persist(handler, authenticated, user)


CHANGES = {"jupyterhub.handlers.base:BaseHandler.auth_to_user": as_said}
