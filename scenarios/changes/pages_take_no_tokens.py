"""Where a token does not say who asks, it does not say either what they may do."""

from typing import Any


def where_it_counts(find: Any, handler: Any) -> Any:
    return find(handler) if handler._accept_token_auth else None


CHANGES = {"jupyterhub.handlers.base:BaseHandler.get_token": where_it_counts}
