"""A server that pings a page takes that for activity."""

from datetime import UTC, datetime
from typing import Any


def counted(ping: Any, handler: Any) -> Any:
    handler.settings["api_last_activity"] = datetime.now(UTC)
    return ping(handler)


CHANGES = {"jupyter_server.base.websocket:WebSocketMixin.send_ping": counted}
