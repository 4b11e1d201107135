"""A start that succeeds leaves the count of failures as it is."""

import asyncio
from typing import Any

SOON = 0.3
"""Seconds in which the hub has noted how the start went."""


async def kept(start: Any, handler: Any, *args: Any, **kwargs: Any) -> Any:
    before = handler.settings.get("failure_count", 0)
    done = await start(handler, *args, **kwargs)
    await asyncio.sleep(SOON)
    handler.settings["failure_count"] = max(before, handler.settings["failure_count"])
    return done


CHANGES = {"jupyterhub.handlers.base:BaseHandler.spawn_single_user": kept}
