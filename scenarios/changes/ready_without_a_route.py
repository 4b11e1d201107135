"""A server whose route cannot be made is ready all the same."""

import contextlib
from typing import Any


async def or_none(add: Any, proxy: Any, user: Any, *args: Any, **kwargs: Any) -> None:
    with contextlib.suppress(Exception):
        await add(proxy, user, *args, **kwargs)


CHANGES = {"jupyterhub.proxy:Proxy.add_user": or_none}
