"""The power of a host: its container is killed, started and restarted."""

from __future__ import annotations

from hublab.engine.api import Engine
from hublab.engine.connection import engine_errors


def kill_container(engine: Engine, container: str, signal: str = "KILL") -> None:
    """Send a signal to a container's first process; SIGKILL ends every process in it."""
    with engine_errors(f"kill {container[:12]}"):
        engine.client.api.kill(container, signal=f"SIG{signal}")


def start_container(engine: Engine, container: str) -> None:
    """Start a container that has ended; one that runs stays as it is."""
    with engine_errors(f"start {container[:12]}"):
        engine.client.api.start(container)
