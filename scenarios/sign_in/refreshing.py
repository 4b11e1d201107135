# ruff: noqa: F821
"""A hub whose authenticator says that it is asked to refresh a user, and answers as ordered.

The order is JSON in `/tmp/hublab-flags/refresh_user`, `"raise"` is an error; without it the answer
is true. Each question is one line of the hub's log.
"""

import json
from pathlib import Path
from typing import Any

from jupyterhub.authenticators.shared import (  # type: ignore[import-untyped]
    SharedPasswordAuthenticator,
)

c: Any  # what traitlets calls the configuration; given by the lab
ORDER = Path("/tmp/hublab-flags/refresh_user")


class RefreshingAuthenticator(SharedPasswordAuthenticator):  # type: ignore[misc]
    """The lab's own sign-in, and an answer to the question whether that still holds."""

    def answer(self) -> Any:
        return json.loads(ORDER.read_text()) if ORDER.exists() else True

    async def refresh_user(self, user: Any, handler: Any = None) -> Any:
        answer = self.answer()
        told = {"hook": "refresh_user", "user": user.name, "server": "", "answer": answer}
        print("HOOK", json.dumps(told), flush=True)
        if answer == "raise":
            raise ConnectionError("the provider does not answer")
        return answer


c.JupyterHub.authenticator_class = RefreshingAuthenticator
