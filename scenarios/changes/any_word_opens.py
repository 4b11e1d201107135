"""A notebook server takes any password."""

from typing import Any


def taken(check: Any, provider: Any, password: str) -> bool:
    return True


CHANGES = {"jupyter_server.auth.identity:PasswordIdentityProvider.passwd_check": taken}
