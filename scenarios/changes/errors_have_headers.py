"""A server's errors have the headers for pages of other origins, too."""

from typing import Any


def with_headers(write_error: Any, handler: Any, status_code: int, **kwargs: Any) -> None:
    handler.set_cors_headers()
    write_error(handler, status_code, **kwargs)


CHANGES = {"jupyter_server.base.handlers:APIHandler.write_error": with_headers}
