"""What a terminal does is never activity of its server."""

from typing import Any


def nothing(update: Any, socket: Any) -> None:
    pass


CHANGES = {"jupyter_server_terminals.handlers:TermSocket._update_activity": nothing}
