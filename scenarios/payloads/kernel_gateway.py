"""A kernel gateway on a host of its own, as its user bob starts it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hublab.scenario import LiveLab, listening, until

HOST, USER, PORT = "node2", "bob", 8889
ADDRESS = f"http://{HOST}:{PORT}"
COMMAND = (
    "/opt/jupyter/bin/jupyter",
    "kernelgateway",
    "--KernelGatewayApp.ip=0.0.0.0",
    f"--KernelGatewayApp.port={PORT}",
)
START = 'cd "$HOME" && nohup "$@" >gateway.log 2>&1 </dev/null & echo $!'
END = 'kill -9 "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'


@dataclass(slots=True)
class Gateway:
    """A gateway that was started. Use `gateway`."""

    lab: LiveLab
    pid: str = ""

    async def start(self, *options: str) -> None:
        """Start it; returns when it listens."""
        home = f"/home/{USER}"
        environment = {"HOME": home, "PATH": "/opt/jupyter/bin:/usr/bin:/bin"}
        argv = ("sh", "-c", START, "-", *COMMAND, *options)
        done = await self.lab.exec(HOST, *argv, user=USER, environment=environment)
        self.pid = done.stdout.strip()

        async def listens() -> bool:
            return PORT in {one.port for one in await listening(self.lab, HOST)}

        await until(listens, what="the gateway listens")

    async def kill(self) -> None:
        """End it as a host that dies would: nobody is told. Its kernels end by themselves."""
        await self.lab.run(HOST, "sh", "-c", END, "-", self.pid)


@contextlib.asynccontextmanager
async def gateway(lab: LiveLab, *options: str) -> AsyncIterator[Gateway]:
    """A gateway for as long as the block, or until it is killed."""
    one = Gateway(lab)
    await one.start(*options)
    try:
        yield one
    finally:
        await one.kill()
