"""A service of the hub, for a host of its own: tells who asks, by the hub's OAuth or by a token.

What a hub gives a service that it starts itself comes in the environment here too. Port 9001.
"""

import os
import secrets
from asyncio import Event, run
from typing import Any

from jupyterhub.services.auth import (  # type: ignore[import-untyped]
    HubOAuthCallbackHandler,
    HubOAuthenticated,
)
from tornado.web import Application, RequestHandler, authenticated

PREFIX = os.environ["JUPYTERHUB_SERVICE_PREFIX"]


class Board(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """The one page of the service."""

    @authenticated
    def get(self) -> None:
        user: Any = self.current_user
        self.write({"name": user["name"]})


async def serve() -> None:
    """Answer until the program is ended."""
    handlers = [(PREFIX, Board), (f"{PREFIX}oauth_callback", HubOAuthCallbackHandler)]
    Application(handlers, cookie_secret=secrets.token_bytes(32)).listen(9001)
    await Event().wait()


if __name__ == "__main__":
    run(serve())
