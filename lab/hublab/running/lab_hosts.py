"""A lab's hosts as a coroutine asks them: what waits for the engine waits in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hublab.engine import Container, ExecResult
from hublab.engine.records import File
from hublab.running import reset, switching
from hublab.running.host_programs import HostPrograms
from hublab.running.hub_log import HubRun, hub_run
from hublab.running.lab import Lab
from hublab.settings.values import Settings


@dataclass(slots=True)
class LabHosts:
    """The hosts of a running lab, their programs, files and logs."""

    lab: Lab
    """The lab itself, whose methods block."""

    @property
    def name(self) -> str:
        return self.lab.name

    @property
    def subnet(self) -> str:
        """The lab's network, as `198.18.0.0/24`."""
        return self.lab.subnet

    @property
    def url(self) -> str:
        """Where a browser on this machine opens the hub."""
        return self.lab.url

    @property
    def hosts(self) -> Mapping[str, Container]:
        """The hosts by name."""
        return self.lab.hosts

    @property
    def programs(self) -> HostPrograms:
        """What the hosts run: `await lab.programs.restart("hub")`."""
        return HostPrograms(self.lab)

    def host(self, name: str) -> Container:
        """A host by name. Raises NoSuchHost, naming those that exist."""
        return self.lab.host(name)

    def of_role(self, role: str) -> list[Container]:
        """The hosts of a role, in the order of their names."""
        return self.lab.of_role(role)

    def one(self, role: str) -> Container:
        """The first host of a role. Raises LabError where there is none."""
        return self.lab.one(role)

    # -- settings ---------------------------------------------------------------

    async def settings(self) -> Settings:
        """The settings that this lab was given last."""
        return await asyncio.to_thread(self.lab.settings)

    async def apply_settings(self, settings: Settings) -> None:
        """Make settings hold; database and servers stay. Raises LabError when the hub refuses."""
        await switching.apply_settings(self.lab, settings)

    async def secret(self, name: str) -> str:
        """One of the hub host's secrets: `password`, `admin_password`, `api_token` ..."""
        return await asyncio.to_thread(self.lab.secret, name)

    # -- commands and files -----------------------------------------------------

    async def run(self, host: str, *argv: str, user: str = "") -> str:
        """What a command on a host prints. Raises LabError when it fails."""
        return await asyncio.to_thread(lambda: self.lab.output(host, *argv, user=user))

    async def exec(
        self,
        host: str,
        *argv: str,
        user: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command on a host and wait for it; its exit code is for the caller to judge.

        A secret goes in `environment`, for the command line can be read by everybody there.
        """
        return await asyncio.to_thread(
            lambda: self.lab.run(host, *argv, user=user, environment=environment)
        )

    async def read_file(self, host: str, path: str) -> bytes | None:
        """The content of a file on a host, None where there is no such file."""
        return await asyncio.to_thread(self.lab.engine.read_file, self.lab.host(host).id, path)

    async def put_files(self, host: str, folder: str, files: Sequence[File]) -> None:
        """Put files into a folder of a host, with their mode and owner from the start."""
        await asyncio.to_thread(self.lab.engine.put_files, self.lab.host(host).id, folder, files)

    async def empty_database(self) -> None:
        """The hub's database becomes new, wherever it is; the hub must not run."""
        await asyncio.to_thread(reset.empty_database, self.lab)

    # -- logs -------------------------------------------------------------------

    async def logs(self, host: str, *, since: float | None = None, tail: int | None = None) -> str:
        """What a host's programs had printed by now; `since` in seconds of the Unix clock."""
        container = await self._logged(host)
        return await asyncio.to_thread(
            lambda: self.lab.engine.logs(container, since=since, tail=tail)
        )

    async def hub_run(self) -> HubRun:
        """What the hub's process said of itself since it last started."""
        return await asyncio.to_thread(hub_run, self.lab)

    async def hub_log(self) -> str:
        """What the hub had logged by now, since it last started."""
        await self._logged(self.lab.one("hub").service)
        return (await self.hub_run()).log

    async def _logged(self, host: str) -> str:
        """The id of a host's container, once its log has what the host has printed by now."""
        container = self.lab.host(host).id
        await asyncio.to_thread(self.lab.engine.settle_log, container)
        return container
