"""The few things that differ between JupyterHub 5.4 and 6.x."""

from __future__ import annotations

from typing import Any

from tornado import web

try:  # added in JupyterHub 6.0
    from jupyterhub.spawner import SpawnException
except ImportError:  # pragma: no cover - depends on the installed version
    SpawnException = None


def spawn_failure(message: str, reason: str, status: int, detail: str) -> Exception:
    """An exception that fails a spawn without counting as an error of the hub.

    Errors count towards ``consecutive_failure_limit``, which shuts the hub down
    (``_track_failure_count`` in handlers/base.py); a user's wrong password or a dead node must not.
    Before 6.0 only a status below 500 is a failure, and the API tells the log's message to whoever
    asks: the detail is for our own log alone there.
    """
    error: Any
    if SpawnException is not None:
        error = SpawnException(message, reason=reason, status_code=status, log_message=detail)
    else:
        error = web.HTTPError(status if status < 500 else 424, "%s", message)
    # what the user sees; 6.1.1 would show the log message on the progress page (format_exception)
    error.jupyterhub_message = message
    if getattr(error, "headers", None) is None:
        error.headers = {}  # 5.4 wants them on its spawn page, and else fails with a 500 (pages.py)
    failure: Exception = error
    return failure
