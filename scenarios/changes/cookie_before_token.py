"""Who has signed in at the hub by cookie is taken for that, whatever token comes along."""

from typing import Any


def cookie_first(by_token: Any, handler: Any) -> Any:
    return None if handler.get_current_user_cookie() else by_token(handler)


CHANGES = {"jupyterhub.handlers.base:BaseHandler.get_current_user_token": cookie_first}
