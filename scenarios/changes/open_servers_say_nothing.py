"""A notebook server that is open to everybody warns of nothing."""

from typing import Any


def nothing(validate: Any, provider: Any, app: Any, ssl_options: Any = None) -> None:
    pass


CHANGES = {"jupyter_server.auth.identity:PasswordIdentityProvider.validate_security": nothing}
