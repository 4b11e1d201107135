"""A lab that runs: its hosts, found by label, and what can be done on each of them.

Nothing about a lab is kept outside the engine, so any process finds any lab by its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hublab.engine import Container, Engine, ExecResult
from hublab.errors import EngineError, HostDown, LabError, NoSuchHost, NoSuchLab
from hublab.journal.redaction import SHORTEST
from hublab.paths import ETC
from hublab.roles import BY_NAME, INIT
from hublab.settings.files import read_case
from hublab.settings.values import Settings

DEFAULT_NAME = "hublab"
"""Of a lab that nobody gave a name."""
CASE = "case.json"
PROXY_TOKEN = "env/CONFIGPROXY_AUTH_TOKEN"
"""Below ETC, on the hosts of hub and proxy: the token that the two share."""


def published_port(role: str) -> int:
    """The port of a host with this role that users or hublab itself connect to."""
    published = BY_NAME[role].published
    assert published is not None, role
    return published.port


PROXY_PORT = published_port("proxy")
SSH_PORT = published_port("client")


@dataclass(slots=True)
class Lab:
    """One running deployment: hosts with an address each, under one name."""

    name: str
    engine: Engine
    hosts: dict[str, Container]
    subnet: str
    _secrets: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Those that were asked for: a lab's never change."""

    @classmethod
    def find(cls, name: str, engine: Engine) -> Lab:
        """The lab of that name. Raises NoSuchLab, naming those that run."""
        containers = engine.containers(name)
        hosts = {c.service: c for c in containers if c.role and c.role != INIT}
        if not hosts:
            running = engine.labs()
            raise NoSuchLab(
                f"no lab named {name} is running",
                hint="`hublab up` first"
                + (f", or --name with one of {', '.join(running)}" if running else ""),
            )
        clients = [host for host in hosts.values() if "client" in host.roles]
        if clients:  # an address of a host is the one at which requests find it
            hosts = {name: host.seen_from(clients[0]) for name, host in hosts.items()}
        return cls(name, engine, hosts, engine.subnet_of(name) or "")

    def host(self, name: str) -> Container:
        """A host by name. Raises NoSuchHost, naming those that exist."""
        if name not in self.hosts:
            raise NoSuchHost(
                f"lab {self.name} has no host {name}", hint=f"one of {', '.join(self.hosts)}"
            )
        return self.hosts[name]

    def of_role(self, role: str) -> list[Container]:
        """The hosts of a role, in the order of their names."""
        return [host for host in self.hosts.values() if role in host.roles]

    def one(self, role: str) -> Container:
        """The first host of a role."""
        found = self.of_role(role)
        if not found:
            raise LabError(f"lab {self.name} has no host with the role {role}")
        return found[0]

    @property
    def name_option(self) -> str:
        """What a command that is to find this lab needs behind it; empty where it needs nothing."""
        return "" if self.name == DEFAULT_NAME else f" --name {self.name}"

    @property
    def compose_files(self) -> list[Path]:
        """The Compose files from which its containers were created."""
        return [Path(file) for file in self.one("hub").config_files.split(",") if file]

    @property
    def images(self) -> dict[str, str]:
        """The image of the first host of each role."""
        hosts = reversed(list(self.hosts.values()))
        return {role: host.image for host in hosts for role in host.roles}

    @property
    def front(self) -> tuple[Container, int]:
        """The host and port to which users' requests go: a reverse proxy's, else the proxy's."""
        role = "reverse-proxy" if self.of_role("reverse-proxy") else "proxy"
        return self.one(role), published_port(role)

    @property
    def url(self) -> str:
        """Where a browser on this machine opens the hub."""
        host, port = self.front
        return f"http://127.0.0.1:{host.ports[port]}/"

    @property
    def published(self) -> bool:
        """Whether its front can be reached from this machine. A single node has none."""
        try:
            host, port = self.front
        except LabError:
            return False
        return port in host.ports

    @property
    def other_hubs(self) -> dict[str, str]:
        """Where a browser on this machine opens each hub beside the lab's own, by its host."""
        port = published_port("other-hub")
        return {
            host.service: f"http://127.0.0.1:{host.ports[port]}/"
            for host in self.of_role("other-hub")
            if port in host.ports
        }

    @property
    def sidecar_image(self) -> str:
        """The image of sidecars: the tools, as `init` runs them."""
        for container in self.engine.containers(self.name):
            if container.role == INIT:
                return container.image
        raise LabError(
            f"lab {self.name} has no `init` container to take the tools' image from",
            hint="`hublab up` creates it again",
        )

    def run(
        self,
        host: str,
        *argv: str,
        user: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command on a host and wait for it; its exit code is for the caller to judge."""
        with self.at_work_on(host):
            return self.engine.exec(self.host(host).id, argv, user=user, environment=environment)

    @contextlib.contextmanager
    def at_work_on(self, host: str) -> Iterator[None]:
        """Turn an engine error on a host that is down into HostDown with its name and state.

        Any other EngineError is raised as it is.
        """
        try:
            yield
        except EngineError as error:
            states = {one.id: one.state for one in self.engine.containers(self.name)}
            state = states.get(self.host(host).id, "gone")
            if state == "running":
                raise
            raise self.host_down(host, state) from error

    def host_down(self, host: str, state: str) -> HostDown:
        """The error for a host that does not run."""
        hint = f"`hublab up{self.name_option}` starts it again" if state == "exited" else None
        return HostDown(f"{host} is {state}", hint=hint)

    def output(self, host: str, *argv: str, user: str = "", fine: Collection[int] = (0,)) -> str:
        """What a command on a host prints. Raises LabError unless it ends with a `fine` code."""
        done = self.run(host, *argv, user=user)
        if done.exit_code not in fine:
            raise LabError(
                f"{argv[0]} on {host} ended with {done.exit_code}: "
                f"{(done.stderr or done.stdout).strip()[-2000:]}"
            )
        return done.stdout

    def sidecar(self, host: str) -> str:
        """The id of the sidecar in a host's network namespace, started when first asked for."""
        return self.engine.start_sidecar(self.name, self.host(host), lambda: self.sidecar_image)

    def secret(self, name: str) -> str:
        """One of the hub host's secrets, for instance `password` or `api_token`."""
        if name not in self._secrets:
            path = f"{ETC}/{name}"
            self._secrets[name] = self.output(self.one("hub").service, "cat", path).strip()
        return self._secrets[name]

    def secrets(self) -> set[str]:
        """Everything that must never be written anywhere: for journals and reports.

        A password may have spaces; one that is very short would hide words of the text too.
        """
        names = ["password", "admin_password", "api_token", "cookie_secret", "database_password"]
        names += ["oauth_client_secret", "env/JUPYTERHUB_CRYPT_KEY"]
        names += ["own_secrets", "own_password"]  # the user's own: deployment/own_hosts.py
        files = [f"{ETC}/{name}" for name in names] + [f"{ETC}/{PROXY_TOKEN}"]
        hubs = [self.one("hub"), *self.of_role("other-hub")]
        text = "\n".join(self.contents(hub, files) for hub in hubs)
        return {line.strip() for line in text.splitlines() if len(line.strip()) >= SHORTEST}

    def contents(self, host: Container, files: Sequence[str]) -> str:
        """What these files of a host contain, one after the other; nothing where one is missing."""
        script = 'for f; do [ ! -f "$f" ] || cat "$f"; echo; done'
        try:
            return self.output(host.service, "sh", "-c", script, "-", *files)
        except HostDown:  # the engine reads the files of a host that does not run, one by one
            kept = (self.engine.read_file(host.id, file) for file in files)
            return "\n".join(one.decode() for one in kept if one)

    def settings(self) -> Settings:
        """The settings that this lab was given last."""
        return self.case()[0]

    def case(self) -> tuple[Settings, tuple[str, ...]]:
        """The settings that this lab was given last, and the keys that may not hold yet.

        Those are what a switch left that was killed, or that a program refused.
        """
        return read_case(self.engine.read_file(self.one("hub").id, f"{ETC}/{CASE}"))

    def as_json(self) -> dict[str, Any]:
        """The lab as `ps --json` prints it, without its servers."""
        return {
            "name": self.name,
            "subnet": self.subnet,
            "url": self.url if self.published else None,
            "other_hubs": self.other_hubs,
            "hosts": [
                {
                    "name": host.service,
                    "role": host.role,
                    "address": host.address,
                    "container": host.name,
                    "state": host.state,
                }
                for host in self.hosts.values()
            ],
        }
