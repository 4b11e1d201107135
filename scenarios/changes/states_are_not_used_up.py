"""A server does not use up the state of a sign-in."""

from typing import Any


def nothing(clear: Any, auth: Any, what: Any) -> None:
    pass


CHANGES = {
    "jupyterhub.services.auth:HubOAuth.clear_oauth_state": nothing,
    "jupyterhub.services.auth:HubOAuth.clear_oauth_state_cookies": nothing,
}
