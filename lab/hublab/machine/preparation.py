"""Plans the steps that supply what is missing, in order."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hublab.engine import Engine
from hublab.engine.connection import engine_host
from hublab.errors import MachineError
from hublab.machine import apt, base_image, capabilities, engine_service, plugins
from hublab.machine.distribution import Distribution
from hublab.progress import Progress


@dataclass(frozen=True, slots=True)
class Step:
    """One change to this machine: its title, the commands to show, and what runs them."""

    title: str
    commands: tuple[str, ...]
    run: Callable[[Progress], None]
    installs: bool = True
    """Whether it changes the system, which needs root and a known distribution."""


def plan(machine: Distribution, engine: Engine | MachineError) -> list[Step]:
    """The steps that `hublab up` needs first; none if nothing is missing.

    Raises MachineError if something is missing that hublab cannot install.
    """
    steps = [
        *engine_steps(machine, engine),
        *client_steps(machine, engine),
        *base_steps(machine, engine),
    ]
    if any(step.installs for step in steps):
        machine.check_preparable()
    return steps


def engine_steps(machine: Distribution, engine: Engine | MachineError) -> list[Step]:
    """The steps that configure, install and start an engine, unless one answers."""
    if isinstance(engine, Engine):
        return []
    if not engine_service.is_default_socket(engine_host()):
        raise engine
    return [
        *configuration_steps(),
        *([] if engine_service.is_installed() else [engine_packages_step(machine)]),
        Step(
            "start the Docker engine",
            tuple(engine_service.start_commands(machine)),
            lambda progress: engine_service.start(machine, engine_answers, progress),
        ),
    ]


def configuration_steps() -> list[Step]:
    path = engine_service.CONFIGURATION
    if path.exists():
        return []
    mtu = engine_service.default_route_mtu()
    text = json.dumps(engine_service.configuration(mtu))

    def write(progress: Progress) -> None:
        engine_service.configure(path, mtu)

    return [
        Step(
            "give the new engine networks of 198.18.0.0/16, which is not routed anywhere",
            (
                f"mkdir -p {path.parent}",
                f"echo {shlex.quote(text)} >{path}",
            ),
            write,
        )
    ]


def engine_packages_step(machine: Distribution) -> Step:
    return install_step("install the Docker engine", engine_service.packages(machine))


def client_steps(machine: Distribution, engine: Engine | MachineError) -> list[Step]:
    """The steps that install the docker command, Compose and buildx."""
    tools = plugins.find()
    steps = []
    comes_with_engine = isinstance(engine, MachineError) and not engine_service.is_installed()
    if not tools.docker and not comes_with_engine:
        package = plugins.client_package(machine)
        steps.append(install_step("install the docker command", [package]))
    if missing := tools.missing():
        steps.append(
            Step(
                f"install {' and '.join(missing)}",
                tuple(plugins.install_commands(machine, missing)),
                lambda progress: plugins.install(machine, missing, progress),
            )
        )
    return steps


def base_steps(machine: Distribution, engine: Engine | MachineError) -> list[Step]:
    """The step that gets a base image, unless the engine has one."""
    if isinstance(engine, Engine) and base_image.present_base(engine):
        return []

    def make(progress: Progress) -> None:
        base_image.choose_base(Engine.connect(), progress)

    return [Step("get a base image", tuple(base_image.commands(machine)), make, False)]


def install_step(title: str, packages: Sequence[str]) -> Step:
    return Step(
        title,
        tuple(shlex.join(argv) for argv in apt.install_commands(packages)),
        lambda progress: apt.install(packages, progress),
    )


def engine_answers() -> bool:
    return isinstance(capabilities.connect(), Engine)
