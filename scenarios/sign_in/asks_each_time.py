"""Breaks scenarios for --sabotage: single-user servers that ask the hub about each request."""

from typing import Any

from jupyterhub.services.auth import HubAuth  # type: ignore[import-untyped]

once = HubAuth._check_hub_authorization


async def each_time(
    auth: Any, url: str, api_token: str, cache_key: str = "", use_cache: bool = True
) -> Any:
    return await once(auth, url, api_token, use_cache=False)


HubAuth._check_hub_authorization = each_time
