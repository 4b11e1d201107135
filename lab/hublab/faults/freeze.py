"""A freeze: all processes of a host are stopped, while its kernel goes on accepting connections.

An overloaded or suspended machine looks the same from outside: its kernel accepts connections, and
nothing answers on them (Docker: `docker pause`, the cgroup freezer).
"""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager

from hublab.engine import Engine
from hublab.faults.lifecycle import RunningFault, running
from hublab.guard.lease import Guard
from hublab.running.lab import Lab
from hublab.running.live import LiveLab


class Freeze:
    """The processes of a host are stopped."""

    kind = "freeze"

    def __init__(self, lab: Lab, host: str) -> None:
        """Raises NoSuchHost."""
        self.lab = lab
        self.host = lab.host(host)
        self.targets = (self.host.service,)
        self.guard: Guard | None = None
        self.frozen = 0

    def begin(self, fault_id: str, seconds: float) -> None:
        # A pause does not end by itself, so a guard thaws the host if this process dies.
        self.guard = Guard.start(undo=[thaw_argv(self.host.id)])
        try:
            with self.lab.at_work_on(self.host.service):
                self.frozen = self.lab.engine.processes(self.host.id)
            self.lab.engine.pause(self.host.id)
        except BaseException:
            # Another process froze the host, or it is gone: we have nothing to thaw.
            self.guard.release()
            self.guard = None
            raise

    def counters(self) -> dict[str, int]:
        """How many processes are frozen; 0 if the host is not frozen any more."""
        now = {c.id: c.state for c in self.lab.engine.containers(self.lab.name)}
        return {"processes": self.frozen if now.get(self.host.id) == "paused" else 0}

    def heal(self) -> None:
        if self.guard:
            self.lab.engine.unpause(self.host.id)
            self.guard.release()


def thaw_argv(container: str) -> list[str]:
    """The command by which a guard thaws a host."""
    return [sys.executable, "-m", "hublab.faults.freeze", container]


def freeze(
    live: LiveLab, host: str, *, seconds: float
) -> AbstractAsyncContextManager[RunningFault]:
    """Freeze a host for a block of code, at most for `seconds`. Raises NoSuchHost."""
    return running(live, Freeze(live.lab, host), seconds)


if __name__ == "__main__":
    Engine.connect().unpause(sys.argv[1])
