"""The program of each host, started and ended without blocking the event loop."""

from __future__ import annotations

import asyncio

from hublab.running import programs, switching
from hublab.running.lab import Lab
from hublab.running.programs import Status
from hublab.running.readiness import (
    wait_until_ended,
    wait_until_listening,
    wait_until_running,
)


class HostPrograms:
    """What hosts run: the hub, the proxy, an sshd, a database. Use `LiveLab.programs`.

    A host's container stays, whatever happens to its program, and so does its network. Every
    method raises LabError where the host has no program that hublab supervises.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def status(self, host: str) -> Status:
        """How the program is now."""
        return await asyncio.to_thread(programs.status, self._lab, host)

    async def start(self, host: str) -> None:
        """Start the program; returns when it has been started. `until_ready` waits for more."""
        await asyncio.to_thread(programs.start, self._lab, host)

    async def until_ready(self, host: str, timeout: float = 60) -> None:
        """Wait until a program that was started is ready: a hub says so, another one listens.

        Raises ProgramEnded when it has ended instead, LabError after the timeout (seconds).
        """
        if "hub" in self._lab.host(host).roles:
            await wait_until_running(self._lab, timeout)
        else:
            await wait_until_listening(self._lab, host, timeout)

    async def until_ended(self, host: str, timeout: float = 90) -> None:
        """Wait until the program has ended. Raises Undecided after the timeout (seconds)."""
        await wait_until_ended(self._lab, host, timeout)

    async def restart(self, host: str) -> float:
        """End the program at once, start it and wait until it is ready; returns the seconds.

        A hub restarted so leaves its servers alone, as `JupyterHub.cleanup_servers` would not.
        """
        return await switching.restart(self._lab, host)

    async def stop(self, host: str, timeout: float = 20) -> float:
        """Have the program end by SIGTERM, as a service manager does; returns the seconds.

        It gets SIGKILL after the timeout (seconds).
        """
        return await asyncio.to_thread(programs.stop, self._lab, host, timeout)

    async def kill(self, host: str, signal: str = "KILL") -> None:
        """Send the program a signal. Raises LabError when it does not run."""
        await asyncio.to_thread(programs.kill, self._lab, host, signal)

    async def end(self, host: str) -> None:
        """End the program by SIGKILL and wait until it has ended; one that is down stays down."""
        await asyncio.to_thread(programs.kill_if_up, self._lab, host)
