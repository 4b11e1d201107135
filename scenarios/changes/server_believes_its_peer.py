"""A server takes its peer's address for the client's, whatever a header says."""

from typing import Any


def by_the_connection(init: Any, server: Any) -> Any:
    server.trust_xheaders = False
    return init(server)


CHANGES = {"jupyter_server.serverapp:ServerApp.init_httpserver": by_the_connection}
