"""SIGINT stops a server as SIGTERM does."""

import signal
from typing import Any


def handled(init: Any, server: Any) -> None:
    init(server)
    signal.signal(signal.SIGINT, server._signal_stop)


CHANGES = {"jupyter_server.serverapp:ServerApp.init_signal": handled}
