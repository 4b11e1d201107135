"""A GET never needs an XSRF token, whatever the browser says of it."""

from typing import Any


def but_for_get(needs: Any, handler: Any) -> bool:
    return handler.request.method != "GET" and bool(needs(handler))


CHANGES = {"jupyterhub._xsrf_utils:_needs_check_xsrf": but_for_get}
