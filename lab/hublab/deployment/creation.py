"""A lab comes up, and goes; what was made on the way goes too when a later step fails."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from hublab.deployment.networks import MAIN, subnet_sets
from hublab.deployment.own_config import Override, OwnConfig, check_own_config, put_own_config
from hublab.deployment.variables import all_variables, check_environment, ports
from hublab.engine import Compose, Engine, ensure_images
from hublab.engine.images import inputs_digest
from hublab.errors import EngineError, LabError, LabNameError
from hublab.guard.lease import Guard
from hublab.machine.base_image import choose_base
from hublab.paths import ROOT, ensure_dir, lab_folder, labs_folder, remove_lab_folder
from hublab.running import programs
from hublab.running.channel import Channel, open_channel
from hublab.running.hub_api import open_hub
from hublab.running.lab import DEFAULT_NAME, Lab
from hublab.running.readiness import fail_if_host_ended, wait_for_hub
from hublab.running.switching import Restart, apply_settings, restart_roles
from hublab.settings.checking import check_settings
from hublab.settings.values import Settings
from hublab.topology.defaults import with_completion
from hublab.topology.more_nodes import nodes_overlay
from hublab.topology.reading import Topology, read_topology

Progress = Callable[[str], None]
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SUBNET_TRIES = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What to bring up: a name, Compose files (none: the project's own), first settings."""

    name: str = DEFAULT_NAME
    files: tuple[Path, ...] = ()
    settings: Settings = field(default_factory=Settings)
    nodes: int | None = None
    """How many nodes the project's own topology gets; None: as many as its file says."""
    own: OwnConfig = field(default_factory=OwnConfig)
    """Configuration files of the user's own, for hub and servers."""

    @property
    def given_files(self) -> tuple[Path, ...]:
        """Those that somebody wrote."""
        return tuple(path.resolve() for path in self.files) or (ROOT / "compose" / "lab.yaml",)

    @property
    def compose_files(self) -> tuple[Path, ...]:
        """With what is made for them here."""
        given = self.given_files
        if self.nodes is not None:
            given = (*given, nodes_overlay(self.name, self.nodes))
        return with_completion(given, lambda: lab_folder(self.name), ROOT)


@dataclass(slots=True)
class Created:
    """A lab whose containers run; the hub may still be starting. See `make_ready`."""

    lab: Lab
    new: bool
    guard: Guard | None
    image_seconds: float
    container_seconds: float
    own: OwnConfig = field(default_factory=OwnConfig)
    overridden: tuple[Override, ...] = ()
    """What of the user's own configuration files does not hold."""


def check_name(name: str) -> str:
    """A lab name is also a Compose project name. Raises LabNameError."""
    if not NAME.fullmatch(name):
        raise LabNameError(
            f"{name!r} cannot be the name of a lab",
            where="--name",
            hint="1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit",
        )
    return name


def create(request: Request, progress: Progress, *, lease: bool = False) -> Created:
    """Create and start a lab's containers, or find them running.

    A guard sees to it that a lab that is new, or leased, ends with this process, however that
    ends, until the guard is released. Raises UsageError for what the user can mend,
    MachineError or EngineError; nothing half-made stays.
    """
    check_name(request.name)
    check_environment()
    files = request.compose_files
    plain = Compose(files, request.name, {})
    topology = read_topology(plain.config(), request.given_files)
    engine = Engine.connect()
    refuse_other(engine, request, files)
    with one_at_a_time(progress):
        base = choose_base(engine, progress)
        tag = inputs_digest(ROOT, engine.image_id(base) or base)
        given = ports(engine, engine.containers(request.name))
        choices = subnet_sets(engine, request.name, files)
        subnets = itertools.islice(choices, SUBNET_TRIES)
        first = next(subnets)
        variables = all_variables(request.name, first[MAIN], given, base, tag)
        compose = Compose(files, request.name, {**variables, **first})
        config = compose.config()
        image_seconds = ensure_images(engine, compose, config, progress)
        images = images_by_role(topology, config)
        overridden = check_own_config(engine, images, request.own, topology)
        new = not engine.leftovers(request.name)
        guard = Guard.start(undo=[down_argv(request.name)]) if new or lease else None
        try:
            if request.settings:
                progress("checking the settings with the software that reads them")
                check_settings(engine, images, request.settings, lab=request.name)
            begun = time.monotonic()
            start_containers(engine, compose, [first, *subnets], request.own, progress, guard)
            lab = Lab.find(request.name, engine)
        except BaseException:
            undo(guard, engine, request.name, new)
            raise
    seconds = time.monotonic() - begun
    return Created(lab, new, guard, image_seconds, seconds, request.own, tuple(overridden))


async def make_ready(
    created: Created, settings: Settings, progress: Progress
) -> tuple[float, list[Restart]]:
    """Wait until the hub answers through the proxy, then make the settings hold.

    Returns the seconds waited and what the settings restarted. Raises LabError after removing
    a lab that is new.
    """
    lab = created.lab
    try:
        start_what_ended(lab, progress)
        progress("waiting for the hub to answer through the proxy")
        async with open_channel(lab) as channel:
            repair = partial(give_routes, lab, channel, progress)
            seconds = await wait_for_hub(lab, channel, repair)
        restarts = await apply_settings(lab, settings) if lab.case() != (settings, ()) else []
        if created.own.hub and not created.new and "hub" not in [one.program for one in restarts]:
            restarts += await restart_roles(lab, ["hub"])
    except BaseException as error:
        undo(created.guard, lab.engine, lab.name, created.new)
        if created.new and isinstance(error, LabError):
            error.hint = None  # it would name commands on a lab that is gone
        raise
    return seconds, restarts


async def give_routes(lab: Lab, channel: Channel, progress: Progress) -> None:
    """Have the hub fill a proxy's table, which went with the proxy however that was restarted.

    The hub itself looks at it every five minutes only (`JupyterHub.last_activity_interval`).
    """
    progress("the proxy has no route to the hub; the hub checks its routes")
    async with await open_hub(channel, lab) as hub:
        await hub.check_routes()


def start_what_ended(lab: Lab, progress: Progress) -> None:
    """Start the programs of a lab that have ended since it came up: `up` makes a lab whole."""
    for host in lab.hosts.values():
        if programs.supervised_role(host) and program_ended(lab, host.service):
            program = programs.program_of(lab, host.service)
            progress(f"starting the {program} of {host.service} again")
            programs.start(lab, host.service)


def program_ended(lab: Lab, host: str) -> bool:
    """Whether the program of a host has ended. Raises LabError when the whole host has."""
    try:
        return programs.status(lab, host).ended
    except EngineError:
        fail_if_host_ended(lab)  # which says why in the host's own words
        raise


def down(name: str, engine: Engine) -> float:
    """End a lab: containers, networks, volumes with every secret, files. Returns the seconds.

    A lab that is not there is no error. Raises EngineError naming what would not go.
    """
    begun = time.monotonic()
    engine.remove_lab(name)
    remove_lab_folder(name)
    return time.monotonic() - begun


def down_argv(name: str) -> list[str]:
    """The command by which a guard ends a lab."""
    return [sys.executable, "-m", "hublab", "down", "--name", name]


def undo(guard: Guard | None, engine: Engine, name: str, new: bool) -> None:
    """Remove what a failed `up` made; a lab that ran before is left as it is."""
    if new:
        try:
            down(name, engine)
        except EngineError:
            return  # the guard is not released, so it tries again when this process ends
    if guard:
        guard.release()


def refuse_other(engine: Engine, request: Request, files: Sequence[Path]) -> None:
    """A name belongs to one lab, from the same files. Raises LabNameError."""
    containers = [c for c in engine.containers(request.name) if not c.sidecar_of]
    if not containers:
        return
    if not any(c.role for c in containers):
        raise LabNameError(
            f"{request.name} is the name of a Compose project that is no lab",
            where="--name",
            hint="another name",
        )
    theirs = next((c.config_files for c in containers if c.config_files), "")
    ours = ",".join(map(str, files))
    if not theirs or theirs == ours:
        return
    hint = f"another name, or `hublab down --name {request.name}` first"
    nodes = sum("node" in c.roles for c in containers)
    if request.nodes not in (None, nodes):
        raise LabNameError(
            f"the lab {request.name} runs already, with {nodes} nodes", where="--nodes", hint=hint
        )
    raise LabNameError(
        f"a lab named {request.name} runs already, from other files: {theirs}",
        where="--name" if request.nodes is None else "--name, --nodes",
        hint=hint,
    )


def start_containers(
    engine: Engine,
    compose: Compose,
    subnets: list[dict[str, str]],
    own: OwnConfig,
    progress: Progress,
    guard: Guard | None,
) -> None:
    """`compose up`, on the next subnets when somebody else took those that were free."""
    for number, chosen in enumerate(subnets, 1):
        compose.variables.update(chosen)
        try:
            watch = guard.watch_child if guard else lambda pid: None
            if own:  # before the hub starts for the first time
                compose.create(progress, watch)
                put_own_config(engine, engine.containers(compose.project), own)
            compose.up(progress, watch)
            return
        except EngineError as error:
            if "overlap" not in str(error).lower() or number == len(subnets):
                raise explained(engine, compose.project, error) from error
            taken = ", ".join(f"{subnet}.0/24" for subnet in chosen.values())
            progress(f"a subnet of {taken} was taken in the meantime; trying others")
            engine.remove_lab(compose.project)


def explained(engine: Engine, lab: str, error: EngineError) -> LabError:
    """Compose's failure with the last words of the host that failed."""
    words = []
    with contextlib.suppress(EngineError):  # it may be the engine itself that went away
        words = [
            f"{c.service} ended with {c.exit_code}: {engine.logs(c.id, tail=8).strip()}"
            for c in engine.containers(lab)
            if c.state == "exited" and c.exit_code
        ]
    return LabError("\n".join([f"the lab did not come up: {error.message}", *words]))


def images_by_role(topology: Topology, config: dict[str, Any]) -> dict[str, str]:
    """The image of the first host of each role."""
    return {
        role: str(config["services"][host.service]["image"])
        for host in reversed(topology.hosts)
        for role in host.roles
    }


@contextlib.contextmanager
def one_at_a_time(progress: Progress) -> Iterator[None]:
    """Labs come up one after the other: they share images, subnets and ports to choose from.

    May be held around `create` and `make_ready` together, in whichever thread: it is one lock
    for a process. A wait for another process is said.
    """
    lock = FileLock(ensure_dir(labs_folder()) / "up.lock", is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("another lab is coming up; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
