"""The sign-in form is not tied to User-Agent."""

from typing import Any


def without_agent(identity: Any, handler: Any) -> Any:
    headers = handler.request.headers
    agent = headers.pop("User-Agent", None)
    try:
        return identity(handler)
    finally:
        if agent is not None:
            headers["User-Agent"] = agent


CHANGES = {"jupyterhub.handlers.base:_anonymous_xsrf_id": without_agent}
