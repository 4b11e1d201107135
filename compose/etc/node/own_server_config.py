"""The user's own jupyter_server_config.py on a node, and the traits that the hub sets itself."""

from pathlib import Path

import own_config
from traitlets.config import Config

PLACE = "the hub sets the address and the path of each server"
PLAIN = "hub and proxy use plain http for the servers of a lab"
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
        PLACE,
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


def apply(c: Config, path: Path) -> list[own_config.Override]:
    """Merge the user's file, if there is one, into `c`; return the ignored values.

    Raises own_config.Broken for a file that does not run.
    """
    return merge(c, own_config.run(path)) if path.exists() else []


def merge(c: Config, loaded: own_config.Loaded) -> list[own_config.Override]:
    """Merge what a file came to into `c`; return the values that do not hold, with their lines."""
    listed = own_config.merge(c, loaded.config, RULES)
    for one in listed:
        one["line"] = loaded.line(one["trait"])
    return listed
