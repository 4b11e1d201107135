"""A server keeps one state cookie for all sign-ins of a browser."""

from typing import Any


def of_one_name(set_cookie: Any, auth: Any, handler: Any, *args: Any, **kwargs: Any) -> Any:
    handler.request.cookies.pop(auth.state_cookie_name, None)
    return set_cookie(auth, handler, *args, **kwargs)


CHANGES = {"jupyterhub.services.auth:HubOAuth.set_state_cookie": of_one_name}
