"""Start and removal of a lab, against bare `docker compose` with the same services."""

from __future__ import annotations

import asyncio
import subprocess
import time

from hublab.bench.hubs import Hubs
from hublab.bench.measure import Part
from hublab.deployment.creation import temporary
from hublab.deployment.plan import make_plan
from hublab.deployment.removal import down
from hublab.deployment.variables import free_port, subnet_choices
from hublab.engine import Compose, Engine
from hublab.progress import silent
from hublab.roles import PUBLISHED
from hublab.running.lab import Lab
from hublab.running.live import LiveLab
from hublab.running.ready import make_ready
from hublab.settings.values import NO_SETTINGS

NAME = "bench-own"


class Labs:
    """Starts and removes labs; the floors use the files, images and hub host of the running lab."""

    def __init__(self, live: LiveLab) -> None:
        self.engine = live.lab.engine
        self.hubs = Hubs(live)
        self.tag = live.lab.one("hub").image.rpartition(":")[2]
        self.bare_down = 0.0

    async def up(self) -> float:
        """`hublab up` with images present, until the hub answers through the proxy."""
        begun = time.monotonic()
        plan = await asyncio.to_thread(make_plan)
        with temporary(plan, NAME, silent):
            await make_ready(Lab.find(NAME, self.engine), NO_SETTINGS, silent)
            return time.monotonic() - begun

    async def down(self) -> float:
        """`hublab down` of a lab that is up."""
        with temporary(await asyncio.to_thread(make_plan), NAME, silent):
            return await asyncio.to_thread(down, NAME, self.engine)

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
            **{variable: str(free_port()) for variable in PUBLISHED},
        }
        bare = make_plan().compose("bench-bare", variables)
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
