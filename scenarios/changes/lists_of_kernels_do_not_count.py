"""Who asks a server for its kernels is no activity of it."""

from typing import Any


def uncounted(finish: Any, handler: Any, *args: Any, **kwargs: Any) -> Any:
    if handler.request.path.endswith("/api/kernels"):
        handler._track_activity = False
    return finish(handler, *args, **kwargs)


CHANGES = {"jupyter_server.base.handlers:APIHandler.finish": uncounted}
