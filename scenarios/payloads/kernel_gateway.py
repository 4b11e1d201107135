"""A gateway on a host of its own, as its user bob starts it, and where its kernels are."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from hublab.scenario import LiveLab, listening, until

from .pages import Page

HOST, USER, PORT = "node2", "bob", 8889
ADDRESS = f"http://{HOST}:{PORT}"
JUPYTER = "/opt/jupyter/bin/jupyter"
COMMAND = (
    JUPYTER,
    "kernelgateway",
    "--KernelGatewayApp.ip=0.0.0.0",
    f"--KernelGatewayApp.port={PORT}",
)
LISTS = "--JupyterWebsocketPersonality.list_kernels=True"
"""Without this option whoever asks a kernel gateway for its kernels is refused."""
START = 'cd "$HOME" && nohup "$@" >gateway.log 2>&1 </dev/null & echo $!'
END = 'kill -9 "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'
WHERE = """\
import json, os, pwd
print(json.dumps([
    pwd.getpwuid(os.getuid()).pw_name, os.uname().nodename, os.getcwd(),
    {{name: os.environ[name] for name in {names} if name in os.environ}},
]))
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kernel runs, as whom, and what some variables are there. Use `where`."""

    user: str
    host: str
    folder: str
    variables: Mapping[str, str]


async def where(tab: Page, *names: str) -> Place:
    """Where the kernel of a page runs, and which of these variables it has."""
    return Place(*json.loads((await tab.show(WHERE.format(names=names))).stdout))


@dataclass(slots=True)
class Gateway:
    """A gateway that was started. Use `gateway`."""

    lab: LiveLab
    command: tuple[str, ...] = COMMAND
    environment: Mapping[str, str] = field(default_factory=dict)
    pid: str = ""

    async def start(self, *options: str) -> None:
        """Start it; returns when it listens."""
        path = "/opt/jupyter/bin:/usr/bin:/bin"
        environment = {"HOME": f"/home/{USER}", "PATH": path, **self.environment}
        argv = ("sh", "-c", START, "-", *self.command, *options)
        done = await self.lab.exec(HOST, *argv, user=USER, environment=environment)
        self.pid = done.stdout.strip()

        async def listens() -> bool:
            return PORT in {one.port for one in await listening(self.lab, HOST)}

        await until(listens, what="the gateway listens")

    async def kill(self) -> None:
        """End it as a host that dies would: nobody is told. Its kernels end by themselves."""
        await self.lab.run(HOST, "sh", "-c", END, "-", self.pid)


@contextlib.asynccontextmanager
async def gateway(
    lab: LiveLab,
    *options: str,
    command: tuple[str, ...] = COMMAND,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Gateway]:
    """A gateway for as long as the block, or until it is killed.

    `environment` is what it has beside HOME and PATH.
    """
    one = Gateway(lab, command, environment or {})
    await one.start(*options)
    try:
        yield one
    finally:
        await one.kill()
