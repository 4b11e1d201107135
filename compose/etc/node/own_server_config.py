"""An engineer's own jupyter_server_config.py on a node: what of it the hub decides."""

from pathlib import Path

import own_config
from traitlets.config import Config

TOLD = "the hub tells each server where to listen, and under which path"
PLAIN = "hub and proxy speak plain http to the servers of a lab"
SIGN_IN = "the hub signs users in"

RULES = {
    **dict.fromkeys(
        (
            "ServerApp.ip",
            "ServerApp.port",
            "ServerApp.port_retries",
            "ServerApp.sock",
            "ServerApp.base_url",
        ),
        TOLD,
    ),
    **dict.fromkeys(("ServerApp.certfile", "ServerApp.keyfile", "ServerApp.client_ca"), PLAIN),
    **dict.fromkeys(
        (
            "ServerApp.password",
            "ServerApp.token",
            "ServerApp.identity_provider_class",
            "IdentityProvider.token",
            "PasswordIdentityProvider.hashed_password",
        ),
        SIGN_IN,
    ),
}


def lay_over(c: Config, path: Path) -> list[own_config.Override]:
    """Bring their file, where there is one, into `c`; returns what of it does not hold.

    Raises own_config.Broken for a file that does not run.
    """
    return own_config.lay_over(c, own_config.load(path), RULES) if path.exists() else []
