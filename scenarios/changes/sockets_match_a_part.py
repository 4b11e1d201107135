"""For a WebSocket the pattern need not match the whole origin."""

import re
from typing import Any


def anywhere(matches: Any, pattern: Any, origin: Any) -> bool:
    return bool(pattern) and bool(re.search(pattern, origin))


CHANGES = {"jupyter_server.base.websocket:origin_matches_pat": anywhere}
