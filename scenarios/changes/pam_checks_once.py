"""pamela does not check accounts by itself, so that `check_account` decides."""

from typing import Any


def unchecked(authenticate: Any, *args: Any, **kwargs: Any) -> Any:
    return authenticate(*args, **{**kwargs, "check": False})


CHANGES = {"pamela:authenticate": unchecked}
