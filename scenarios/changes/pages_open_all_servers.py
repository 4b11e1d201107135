"""The token of a server's page is good for all servers of its user."""

from typing import Any


def of_the_user(access_scopes: Any, *args: Any, **kwargs: Any) -> Any:
    names = {scope.partition("!server=")[0] for scope in access_scopes(*args, **kwargs)}
    return frozenset(f"{name}!user" for name in names)


CHANGES = {"jupyterhub.oauth.provider:access_scopes": of_the_user}
