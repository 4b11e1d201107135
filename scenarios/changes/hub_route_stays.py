"""A check of the routes takes the hub's for right, wherever it leads."""

from typing import Any


async def taken_for_right(
    check: Any, proxy: Any, users: Any, services: Any, routes: Any = None
) -> None:
    routes = routes or await proxy.get_all_routes()
    if proxy.hub.routespec in routes:
        routes[proxy.hub.routespec]["target"] = proxy.hub.host
    await check(proxy, users, services, routes)


CHANGES = {"jupyterhub.proxy:Proxy.check_routes": taken_for_right}
