"""A server tries each of its reports once, and takes one that failed as sent."""

from datetime import UTC, datetime
from typing import Any


async def once(_backoff: Any, notify: Any, **_waits: Any) -> None:
    if not await notify():
        raise TimeoutError("it is not tried again")


async def as_sent(notify: Any, server: Any) -> None:
    try:
        await notify(server)
    except TimeoutError:
        server._last_activity_sent = datetime.now(UTC)


WHERE = "jupyterhub.singleuser.extension"
CHANGES = {
    f"{WHERE}:exponential_backoff": once,
    f"{WHERE}:JupyterHubSingleUser.notify_activity": as_sent,
}
