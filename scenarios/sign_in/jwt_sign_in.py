# ruff: noqa: F821
"""A hub that lets in whoever brings a JSON Web Token, signed with the key in a file of its host."""

from pathlib import Path
from typing import Any

import jwt  # type: ignore[import-not-found, unused-ignore]
from jupyterhub.auth import Authenticator  # type: ignore[import-untyped]

c: Any  # what traitlets calls the configuration; given by the lab
KEY = Path("/etc/hublab/jwt_key")


class JWTAuthenticator(Authenticator):  # type: ignore[misc]
    """The name is the token's subject; the token is meant for this hub, and ends."""

    def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        try:
            claims = jwt.decode(
                data["token"],
                KEY.read_text(),
                algorithms=["HS256"],
                audience="hub.lab",
                options={"require": ["sub", "aud", "exp"]},
            )
        except jwt.InvalidTokenError as error:
            self.log.warning("JWT refused: %s", type(error).__name__)
            return None
        return str(claims["sub"])


c.JupyterHub.authenticator_class = JWTAuthenticator
