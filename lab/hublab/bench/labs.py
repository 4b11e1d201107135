"""Start and removal of a lab, against bare `docker compose` with the same services."""

from __future__ import annotations

import asyncio
import subprocess
import time

from hublab.bench.hubs import Hubs
from hublab.bench.measure import Part
from hublab.deployment.creation import Request, create, down, make_ready
from hublab.deployment.variables import PORTS, free_port, subnet_choices
from hublab.engine import Compose, Engine
from hublab.running.live import LiveLab
from hublab.settings.values import Settings


class Labs:
    """Starts and removes labs; the floors use the files, images and hub host of the running lab."""

    def __init__(self, live: LiveLab) -> None:
        self.engine = live.lab.engine
        self.hubs = Hubs(live)
        self.tag = live.lab.one("hub").image.rpartition(":")[2]
        self.request = Request("bench-own")
        self.bare_down = 0.0

    async def up(self) -> float:
        """`hublab up` with images present, until the hub answers through the proxy."""
        begun = time.monotonic()
        created = await asyncio.to_thread(create, self.request, lambda line: None)
        await make_ready(created, Settings(), lambda line: None)
        seconds = time.monotonic() - begun
        if created.guard:
            created.guard.release()
        await asyncio.to_thread(down, self.request.name, self.engine)
        return seconds

    async def down(self) -> float:
        """`hublab down` of a lab that is up."""
        created = await asyncio.to_thread(create, self.request, lambda line: None)
        seconds = await asyncio.to_thread(down, self.request.name, self.engine)
        if created.guard:
            created.guard.release()
        return seconds

    async def bare_up(self) -> float:
        """Bare `docker compose up -d`, then a bare hub from exec to listening."""
        compose_up, _ = await asyncio.to_thread(self.bare_cycle)
        return compose_up + await self.hubs.bare_hub()

    async def bare_removal(self) -> float:
        """Bare `docker compose down -v` of the same services."""
        _, compose_down = await asyncio.to_thread(self.bare_cycle)
        return compose_down

    def bare_cycle(self) -> tuple[float, float]:
        """Seconds of Compose's own up and down."""
        variables = {
            "HUBLAB_SUBNET": next(subnet_choices(self.engine, "bench-bare")),
            "HUBLAB_TAG": self.tag,
            **{variable: str(free_port()) for variable in PORTS},
        }
        bare = Compose(self.request.compose_files, "bench-bare", variables)
        try:
            up = timed(bare, "up", "--detach", "--no-build")
            return up, timed(bare, "down", "--volumes", "--timeout", "0")
        finally:
            Engine.connect().remove_lab("bench-bare")

    def parts(self) -> list[Part]:
        return [
            Part(
                "up",
                "hublab up, until the hub answers through the proxy",
                "docker compose up -d of the same services, then a bare jupyterhub to listening",
                self.up,
                self.bare_up,
            ),
            Part(
                "down",
                "hublab down",
                "docker compose down -v -t 0 of the same services",
                self.down,
                self.bare_removal,
            ),
        ]


def timed(compose: Compose, *arguments: str) -> float:
    """Seconds of one Compose command."""
    begun = time.monotonic()
    subprocess.run(
        [*compose.argv, *arguments],
        env=compose.environment,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    return time.monotonic() - begun
