"""The hub takes the address of another proxy by the documented names too."""

import json
from typing import Any


async def documented(patch: Any, handler: Any) -> None:
    model = json.loads(handler.request.body)
    if "ip" in model:
        handler.proxy.api_url = "{protocol}://{ip}:{port}".format_map(model)
    await patch(handler)


CHANGES = {"jupyterhub.apihandlers.proxy:ProxyAPIHandler.patch": documented}
