"""A log-out takes all tokens of the user."""

from typing import Any


def of_all_sessions(clean_up: Any, handler: Any, name: str) -> None:
    for token in list(handler.current_user.api_tokens):
        handler.db.delete(token)
    handler.db.commit()
    clean_up(handler, name)


CHANGES = {"jupyterhub.handlers.login:LogoutHandler._backend_logout_cleanup": of_all_sessions}
