"""A lab as a Compose class of testcontainers, for tests that use its containers already.

Start and stop are hublab's own: a lab gets free addresses, is ready when its hub answers through
the proxy, and ends with the process even if that is killed. The containers, their published ports
and what is waited for are testcontainers'. Needs `hublab[testcontainers]`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from testcontainers.compose import ComposeContainer, DockerCompose, PublishedPortModel

from hublab.checkouts import checkouts_from
from hublab.deployment.creation import Created, create, prepare
from hublab.deployment.own_config import Override, OwnConfig
from hublab.deployment.own_environment import Variables
from hublab.deployment.plan import make_plan
from hublab.deployment.removal import down as remove_lab
from hublab.engine import Engine
from hublab.errors import UsageError
from hublab.progress import Progress, silent
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.ready import make_ready
from hublab.running.servers import Server
from hublab.settings.syntax import JSONValue
from hublab.settings.values import Settings
from hublab.topology.packages import packages_from


def refuse_in_coroutine() -> None:
    """Raise UsageError where a loop runs, for its thread cannot wait for another one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "HubLab is for plain functions, and this thread runs a coroutine",
        hint="`await asyncio.to_thread(lab.start)`, and so for each of its methods",
    )


def path_of(file: str | Path | None) -> Path | None:
    """A file as the rest of hublab takes it."""
    return None if file is None else Path(file).absolute()


class Host(ComposeContainer):
    """A host of the lab, whose published ports are those that accessors and waits ask."""

    def get_publisher(
        self,
        by_port: int | None = None,
        by_host: str | None = None,
        prefer_ip_version: Literal["IPv4", "IPv6"] = "IPv4",
    ) -> PublishedPortModel:
        """Where a port is published. Raises UsageError where it is not, instead of TypeError."""
        self.Publishers = [one for one in self.Publishers or () if one.PublishedPort]
        by_port = by_port and int(by_port)  # text, as an environment has it
        if by_port and by_port not in [one.TargetPort for one in self.Publishers]:
            raise UsageError(
                f"{self.Service} publishes no port {by_port}",
                hint="proxy 8000; others are reached from within the lab, see `exec_in_container`",
            )
        return super().get_publisher(by_port, by_host, prefer_ip_version)

    def get_exposed_port(self, port: int) -> int:
        """The published port, for waits; theirs is `port` itself. Raises as `get_publisher`."""
        return self.get_publisher(port).PublishedPort or 0


class HubLab(DockerCompose):
    """A lab for a `with` block.

    `files` are Compose files, by default hublab's own topology with `nodes` nodes; `settings` are
    keys and values as `hublab set` has them. `hub_config` is a jupyterhub_config.py, whose folder
    goes along; `environment` are variables of the hub, none of which is ever written anywhere;
    `hub_requirements` and `node_requirements` name a requirements.txt; `password` is that of users
    at an authenticator of your own. `hub_source`, `server_source` and `proxy_source` are working
    trees that run in place of the releases. `progress` gets a line for each step.

    It is for plain functions; a coroutine enters it by `asyncio.to_thread`. Raises UsageError for
    what the caller can repair, LabError, MachineError or EngineError; nothing half-done stays.
    """

    def __init__(
        self,
        *files: str | Path,
        nodes: int | None = None,
        settings: Mapping[str, JSONValue] | None = None,
        hub_config: str | Path | None = None,
        environment: Mapping[str, str] | None = None,
        password: str | None = None,
        hub_requirements: str | Path | None = None,
        node_requirements: str | Path | None = None,
        hub_source: str | Path | None = None,
        server_source: str | Path | None = None,
        proxy_source: str | Path | None = None,
        name: str = "",
        progress: Progress = silent,
    ) -> None:
        super().__init__(Path.cwd())
        given = dict(environment or {})
        self._own = OwnConfig(
            hub=path_of(hub_config),
            variables=Variables(given, frozenset(given)),
            password=password,
        )
        self._packages = {
            "hub": packages_from(path_of(hub_requirements), None),
            "node": packages_from(path_of(node_requirements), None),
        }
        self._checkouts = checkouts_from(
            {
                "jupyterhub": path_of(hub_source),
                "jupyter_server": path_of(server_source),
                "configurable-http-proxy": path_of(proxy_source),
            }
        )
        self.lab_name = name or f"tc-{secrets.token_hex(3)}"
        self._files = tuple(Path(file).absolute() for file in files)
        self._nodes = nodes
        self._settings = Settings(settings)
        self._progress = progress
        self._created: Created | None = None

    # -- start and stop are hublab's ---------------------------------------------

    @cached_property
    def compose_command_property(self) -> list[str]:
        """Compose finds the containers of a project by its name alone."""
        return ["docker", "compose", "--project-name", self.lab_name]

    def start(self) -> None:
        """Create the lab, wait until its hub answers through the proxy, then for `waiting_for`."""
        refuse_in_coroutine()
        plan = make_plan(
            self._files, self._nodes, packages=self._packages, checkouts=self._checkouts
        )
        engine = Engine.connect()
        if engine.leftovers(self.lab_name):
            raise UsageError(
                f"there is a lab {self.lab_name} already, which the end of this block would remove",
                hint=f"another name, or `hublab down --name {self.lab_name}`",
            )
        prepare(plan, self.lab_name, engine, self._progress, self._own)
        self._created = create(
            plan,
            self.lab_name,
            engine,
            self._progress,
            settings=self._settings,
            own=self._own,
            lease=True,
        )
        with self._created.getting_ready():
            asyncio.run(make_ready(self.lab, self._settings, self._progress))
        for service, strategy in (self._wait_strategies or {}).items():
            strategy.wait_until_ready(self.get_container(service))

    def stop(self, down: bool = True) -> None:
        """Remove the lab, with sidecars and volumes; `down=False` lets it stay for `hublab`."""
        created, self._created = self._created, None
        if created is None:
            return
        if down:
            remove_lab(created.name, created.engine)
        created.release()

    @property
    def overridden(self) -> tuple[Override, ...]:
        """What of `hub_config` does not hold in the lab, each with line and reason."""
        return self._created.overridden if self._created else ()

    @property
    def lab(self) -> Lab:
        """The lab as hublab knows it. Raises LabError before it is started."""
        return Lab.find(self.lab_name, Engine.connect())

    # -- what a test of a hub wants ----------------------------------------------

    @property
    def url(self) -> str:
        """Where the hub is reached from this machine, through the proxy."""
        return self.lab.url

    @property
    def password(self) -> str:
        """The password of the lab's users, where the authenticator is the lab's own."""
        return self.lab.secret("password")

    @property
    def api_token(self) -> str:
        """A token for the hub's API that may do everything."""
        return self.lab.secret("api_token")

    def spawn(self, user: str, *, on: str | None = None, timeout: float = 120) -> Server:
        """Start a user's server, on a node of this name, and wait until it is ready.

        Raises HubError with the hub's words when it fails, Undecided after `timeout` seconds.
        """
        refuse_in_coroutine()

        async def start() -> Server:
            async with connect(self.lab) as live:
                return await live.spawn(user, on=on, timeout=timeout)

        return asyncio.run(start())

    def stop_server(self, user: str) -> float:
        """Stop a user's server and wait until it is gone; returns the seconds."""
        refuse_in_coroutine()

        async def stop() -> float:
            async with connect(self.lab) as live:
                return await live.stop(user)

        return asyncio.run(stop())

    # -- where testcontainers is wrong for a lab ---------------------------------

    def get_containers(self, include_all: bool = False) -> list[ComposeContainer]:
        """The hosts, each of which knows its published ports."""
        found: list[ComposeContainer] = []
        for one in super().get_containers(include_all):
            host = Host(one.ID, one.Name, one.Command, one.Project, one.Service, one.State)
            host.Health, host.ExitCode, host.Publishers = one.Health, one.ExitCode, one.Publishers
            host._docker_compose = self
            found.append(host)
        return found

    def get_logs(self, *services: str) -> tuple[str, str]:
        """What hosts printed, without Compose's prefix and colours; nothing as the second."""
        lab = self.lab
        hosts = [lab.host(name) for name in services] or list(lab.hosts.values())
        return "".join(lab.engine.logs(host.id) for host in hosts), ""

    def exec_in_container(
        self, command: list[str], service_name: str | None = None
    ) -> tuple[str, str, int]:
        """Output, errors and exit code of a command on a host, whatever the code is."""
        done = self.lab.run(service_name or self.lab.one("hub").service, *command)
        return done.stdout, done.stderr, done.exit_code
