"""What a request to shut down says of servers and proxy is not heeded."""

from typing import Any


async def without_words(shut_down: Any, handler: Any) -> None:
    handler.get_json_body = dict
    await shut_down(handler)


CHANGES = {"jupyterhub.apihandlers.hub:ShutdownAPIHandler.post": without_words}
