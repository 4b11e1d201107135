"""A code stays after its use."""

from typing import Any


def nothing(invalidate: Any, *args: Any, **kwargs: Any) -> None:
    pass


_VALIDATOR = "jupyterhub.oauth.provider:JupyterHubRequestValidator"
CHANGES = {f"{_VALIDATOR}.invalidate_authorization_code": nothing}
