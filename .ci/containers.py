"""The containers of one run of tests: testcontainers starts them, hublab's commands find them.

They carry a lab's labels, so `hublab prune` removes what a killed run leaves; the run's name is the
lab's. testcontainers' own reaper would need an image that only a registry has.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Sequence

from docker.errors import NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from hublab.engine import Engine
from hublab.engine.records import PROJECT, SERVICE
from hublab.roles import LABEL as ROLE

TEST = "hublab.test"
"""The label that tells a run of tests from a lab that somebody brought up."""

BOTH_FAMILIES = {"net.ipv6.conf.all.disable_ipv6": "0"}
"""The loopback of a container without a network has no IPv6 by default."""


class Container(DockerContainer):
    """A node on its own: a reaping PID 1, no network beyond its loopback, no terminal."""

    def __init__(self, image: str, command: Sequence[str], labels: dict[str, str]) -> None:
        super().__init__(image)
        self.with_command(list(command)).with_name(f"{labels[PROJECT]}-{labels[SERVICE]}")
        # The network as an option of its own, else testcontainers may choose that of the machine.
        self.with_kwargs(init=True, network="none", labels=labels, sysctls=BOTH_FAMILIES)

    def output(self) -> Iterator[bytes]:
        """What it prints, on both streams, until it ends."""
        yield from self.get_wrapped_container().logs(stream=True, follow=True)

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Remove it; no error if somebody else did."""
        with contextlib.suppress(NotFound):
            super().stop(force, delete_volume)


class TestRun:
    """Starts containers in several threads; `end` removes all of them, and none starts after it."""

    def __init__(self, kind: str) -> None:
        """`kind` begins the run's name, and is the value of the label of tests."""
        testcontainers_config.ryuk_disabled = True
        # Images are named by their id.
        testcontainers_config.hub_image_name_prefix = ""
        self.name = f"{kind}-{secrets.token_hex(3)}"
        self._kind = kind
        self._ended = False
        self._starting = threading.Lock()

    @contextlib.contextmanager
    def container(self, image: str, service: str, command: Sequence[str]) -> Iterator[Container]:
        """A container that runs as the node `service` of the run, and is removed at the end."""
        labels = {PROJECT: self.name, SERVICE: service, ROLE: "node", TEST: self._kind}
        container = Container(image, command, labels)
        try:
            with self._starting:
                if self._ended:
                    raise RuntimeError(f"the run {self.name} has ended")
                container.start()
            yield container
        finally:
            container.stop()

    def end(self) -> None:
        """Remove every container of the run."""
        with self._starting:
            self._ended = True
        Engine.connect().remove_lab(self.name)
