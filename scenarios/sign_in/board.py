"""A service of the hub, for a host of its own: tells who asks, by the hub's OAuth or by a token.

What a hub gives a service that it starts itself comes in the environment here too. BOARD_PORT is
where it listens, BOARD_KEPT for how many seconds it keeps the hub's answers.
"""

import os
import secrets
from asyncio import Event, run
from typing import Any

from jupyterhub.services.auth import (  # type: ignore[import-untyped]
    HubOAuth,
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


class Leave(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """The log-out of a service that knows of itself alone: it takes its own cookie back."""

    def get(self) -> None:
        self.hub_auth.clear_cookie(self)


async def serve() -> None:
    """Answer until the program is ended."""
    HubOAuth.instance(cache_max_age=int(os.environ["BOARD_KEPT"]))  # all handlers use this one
    handlers = [
        (PREFIX, Board),
        (f"{PREFIX}leave", Leave),
        (f"{PREFIX}oauth_callback", HubOAuthCallbackHandler),
    ]
    application = Application(handlers, cookie_secret=secrets.token_bytes(32))
    application.listen(int(os.environ["BOARD_PORT"]))
    await Event().wait()


if __name__ == "__main__":
    run(serve())
