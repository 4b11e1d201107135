"""The progress stream shows what a SpawnException has for users."""

from typing import Any


def for_users(words: Any, error: Any, **kwargs: Any) -> Any:
    return getattr(error, "message", None) or words(error, **kwargs)[0], None


CHANGES = {"jupyterhub.apihandlers.users:format_exception": for_users}
