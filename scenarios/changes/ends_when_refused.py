"""A server ends when the hub refuses a report."""

import os
from typing import Any


async def or_end(fetch: Any, url: str, *args: Any, **kwargs: Any) -> Any:
    try:
        return await fetch(url, *args, **kwargs)
    except Exception as error:
        if "activity" in url and "403" in str(error):
            os._exit(1)
        raise


CHANGES = {"jupyterhub.singleuser.extension:fetch": or_end}
