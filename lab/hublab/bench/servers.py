"""Spawn and stop of a single-user server, against a bare one on the same node."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from hublab.bench.measure import Part
from hublab.running.live import LiveLab
from hublab.running.switching import apply_settings
from hublab.settings.values import Settings

USER, NODE, REFERENCE = "alice", "node1", "reference"
LISTENING = Path(__file__).with_name("listening.py")
SINGLEUSER = "/opt/jupyter/bin/jupyterhub-singleuser"
FLOOR_IS = "jupyterhub-singleuser by docker exec on that node, a real spawn's environment"


class Servers:
    """Starts and stops servers; the floors use the environment of a reference server."""

    def __init__(self, live: LiveLab) -> None:
        self.live = live
        self._ports = itertools.count(20000)
        self._pid: int | None = None

    async def bare(self) -> float:
        """A bare server, from exec to the first connection accepted."""
        if self._pid is None:
            reference = await self.live.spawn(USER, REFERENCE, on=NODE)
            self._pid = reference.pid
        return await listening(
            self.live, NODE, next(self._ports), str(self._pid), SINGLEUSER, user=USER
        )

    async def spawn(self) -> float:
        """A spawn over SSH, from the request to ready; the server is stopped afterwards."""
        server = await self.live.spawn(USER, on=NODE)
        await self.live.stop(USER)
        return server.seconds

    async def stop(self) -> float:
        """A stop, from the request until the hub no longer lists the server."""
        await self.live.spawn(USER, on=NODE)
        return await self.live.stop(USER)

    async def switch(self) -> float:
        """Change a setting of the servers, and start a server that has it."""
        begun = asyncio.get_running_loop().time()
        now = await asyncio.to_thread(self.live.lab.settings)
        other = "" if now.get("server.ServerApp.allow_origin") else "http://other.lab"
        await apply_settings(
            self.live.lab, now.merged(Settings({"server.ServerApp.allow_origin": other}))
        )
        await self.live.spawn(USER, on=NODE)
        seconds = asyncio.get_running_loop().time() - begun
        await self.live.stop(USER)
        return seconds

    def parts(self) -> list[Part]:
        return [
            Part("spawn", "cross-host spawn, request to ready", FLOOR_IS, self.spawn, self.bare),
            Part("stop", "stop of a server", FLOOR_IS, self.stop, self.bare),
            Part(
                "switch-server",
                "a server setting and a server that has it",
                FLOOR_IS,
                self.switch,
                self.bare,
            ),
        ]


async def listening(
    live: LiveLab, host: str, port: int, pid: str, *program: str, user: str = ""
) -> float:
    """Seconds from exec of a program on a host to the first connection it accepts."""
    argv = ("python3", "-c", LISTENING.read_text(), str(port), pid, *program)
    return float(await live.run(host, *argv, user=user))
