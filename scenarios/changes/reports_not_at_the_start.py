"""A server reports for the first time when an interval is over."""

import asyncio
from typing import Any


async def later(keep: Any, extension: Any) -> None:
    await asyncio.sleep(extension.hub_activity_interval)
    await keep(extension)


CHANGES = {"jupyterhub.singleuser.extension:JupyterHubSingleUser.keep_activity_updated": later}
