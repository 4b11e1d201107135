"""What the proxy saw is of 1970."""

from typing import Any


async def long_ago(fetch: Any, proxy: Any) -> Any:
    routes = await fetch(proxy)
    for route in routes.values():
        if "last_activity" in route["data"]:
            route["data"]["last_activity"] = "1970-01-01T00:00:00.000Z"
    return routes


CHANGES = {"jupyterhub.proxy:ConfigurableHTTPProxy.get_all_routes": long_ago}
