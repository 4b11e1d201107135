"""A server lets a WebSocket of any origin in."""

from typing import Any


def anywhere(check: Any, socket: Any, origin: Any = None) -> bool:
    return True


CHANGES = {"jupyter_server.base.websocket:WebSocketMixin.check_origin": anywhere}
