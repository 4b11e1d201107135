"""A proxy for the tests' hubs that keeps the routes and carries nothing.

What is tested is between hub and node; the tests speak to hub and servers directly, so that they
need no Node.js.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.proxy import Proxy


class MemoryProxy(Proxy):  # type: ignore[misc]
    """Routes in a dict."""

    should_start = False
    _routes: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - one hub, one table

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        self._routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        self._routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        return self._routes
