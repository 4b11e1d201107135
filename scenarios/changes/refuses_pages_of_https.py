"""The hub refuses the form of a page whose scheme is not its own."""

from typing import Any

from tornado import web


async def own_scheme(post: Any, handler: Any) -> None:
    scheme = handler.request.headers.get("Referer", "").partition(":")[0]
    if scheme and scheme != handler.request.protocol:
        raise web.HTTPError(403)
    await post(handler)


CHANGES = {"jupyterhub.apihandlers.auth:OAuthAuthorizeHandler.post": own_scheme}
