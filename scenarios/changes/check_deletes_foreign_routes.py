"""A check of the routes deletes those that are not JupyterHub's."""

from typing import Any


async def all_others(check: Any, proxy: Any, *args: Any, **kwargs: Any) -> None:
    await check(proxy, *args, **kwargs)
    answer = await proxy.api_request("")
    for path, data in (await answer.json()).items():
        if "jupyterhub" not in data:
            await proxy.delete_route(proxy._routespec_from_chp_path(path))


CHANGES = {"jupyterhub.proxy:Proxy.check_routes": all_others}
