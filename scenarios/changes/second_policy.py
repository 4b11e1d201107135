"""The hub says a second time who may frame its pages: nobody."""

from typing import Any


def twice(default: Any, handler: Any) -> None:
    default(handler)
    handler.add_header("Content-Security-Policy", "frame-ancestors 'none'")


CHANGES = {"jupyterhub.handlers.base:BaseHandler.set_default_headers": twice}
