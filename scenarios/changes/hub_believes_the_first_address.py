"""The hub takes the first address of X-Forwarded-For, which a client may have written."""

from typing import Any


def first(apply: Any, context: Any, headers: Any) -> None:
    apply(context, headers)
    claimed = headers.get("X-Forwarded-For", "").partition(",")[0].strip()
    context.remote_ip = claimed or context.remote_ip


CHANGES = {"tornado.httpserver:_HTTPRequestContext._apply_xheaders": first}
