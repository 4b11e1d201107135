"""Creates a planned lab, and removes it again when a later step fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hublab.deployment.conflicts import refuse_conflict
from hublab.deployment.layers import VersionNote, version_notes
from hublab.deployment.names import check_name
from hublab.deployment.own_config import (
    NO_CONFIG,
    Override,
    OwnConfig,
    check_own_config,
    without_idle_password,
)
from hublab.deployment.own_hosts import put_own_config
from hublab.deployment.plan import Plan
from hublab.deployment.refresh import refresh
from hublab.deployment.removal import down, down_argv, undo
from hublab.deployment.role_images import build_packages, with_images
from hublab.deployment.up_lock import up_lock
from hublab.engine import Compose, Engine
from hublab.errors import EngineError, LabError
from hublab.guard.lease import Guard
from hublab.paths import lab_folder, overlay_file
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.settings.checking import check_settings
from hublab.settings.values import NO_SETTINGS, Settings


@dataclass(slots=True)
class Created:
    """A lab whose containers run; its hub may still be starting."""

    name: str
    engine: Engine
    new: bool
    guard: Guard | None
    begun: float
    """When its containers began to start, by the monotonic clock."""
    overridden: tuple[Override, ...] = ()
    """What of the user's own configuration files the lab replaces."""
    versions: tuple[VersionNote, ...] = ()
    """Which versions the user's own packages changed, and which they did not."""
    seconds: float = 0.0
    """How long it took from then until it was ready."""

    @contextlib.contextmanager
    def getting_ready(self) -> Iterator[None]:
        """Wait for the lab in this block; after an error a lab that is new is removed."""
        try:
            yield
        except BaseException as error:
            undo(self.guard, self.engine, self.name, self.new)
            if self.new and isinstance(error, LabError):
                error.hint = None  # it would name commands on a lab that is gone
            raise
        self.seconds = round(time.monotonic() - self.begun, 3)

    def release(self) -> None:
        """Let the lab stay when this process ends."""
        if self.guard:
            self.guard.release()


def prepare(
    plan: Plan, name: str, engine: Engine, progress: Progress, own: OwnConfig = NO_CONFIG
) -> None:
    """What comes before a lab waits for others that come up: call it before `create`.

    Refuses what cannot come up, and builds images with packages of the user's own, which may take
    minutes. Raises UsageError for what the user can repair.
    """
    check_name(name)
    own.check_readable()
    refuse_conflict(engine, name, plan)
    build_packages(plan, name, engine, progress)


def create(
    plan: Plan,
    name: str,
    engine: Engine,
    progress: Progress,
    *,
    settings: Settings = NO_SETTINGS,
    own: OwnConfig = NO_CONFIG,
    lease: bool = False,
) -> Created:
    """Create and start the containers of a lab, or find them running.

    The settings are checked, and in effect only after `make_ready`. A guard sees to it that a
    lab that is new, or leased, ends with this process, however that ends, until it is kept.
    Raises UsageError for what the user can repair, MachineError or EngineError; nothing half-done
    stays.
    """
    with up_lock(progress):
        refuse_conflict(engine, name, plan)  # again, for another `up` may just have ended
        resolved = with_images(plan, name, engine, progress)
        overridden = check_own_config(engine, resolved.images, own, plan.topology, resolved.config)
        versions = tuple(version_notes(engine, resolved, plan))
        own, overridden = without_idle_password(own, overridden)
        new = not engine.leftovers(name)
        guard = Guard.start(undo=[down_argv(name)]) if new or lease else None
        try:
            if settings:
                progress("checking the settings with the software that reads them")
                check_settings(engine, resolved.images, settings, lab=name)
            begun = time.monotonic()
            lab_folder(name)
            compose = resolved.compose.with_overlay_in(overlay_file(name))
            start_containers(engine, compose, resolved.subnets, own, progress, guard)
            if not new:
                refresh(Lab.find(name, engine), progress, plan.checkouts)
        except BaseException:
            undo(guard, engine, name, new)
            raise
    return Created(name, engine, new, guard, begun, tuple(overridden), versions)


@contextlib.contextmanager
def temporary(plan: Plan, name: str, progress: Progress) -> Iterator[Created]:
    """A lab for a block of code, however that ends; its hub may still be starting."""
    created = create(plan, name, Engine.connect(), progress, lease=True)
    try:
        yield created
    finally:
        down(name, created.engine)
        created.release()


def start_containers(
    engine: Engine,
    compose: Compose,
    subnets: Sequence[Mapping[str, str]],
    own: OwnConfig,
    progress: Progress,
    guard: Guard | None,
) -> None:
    """Run `compose up`, with other subnets if another process has just used the chosen ones."""
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
                raise startup_error(engine, compose.project, error) from error
            in_use = ", ".join(f"{subnet}.0/24" for subnet in chosen.values())
            progress(f"a subnet of {in_use} is in use by now; trying others")
            engine.remove_lab(compose.project)


def startup_error(engine: Engine, lab: str, error: EngineError) -> LabError:
    """Compose's error together with the end of the logs of the hosts that failed."""
    logs = []
    with contextlib.suppress(EngineError):  # the engine itself may have stopped
        logs = [
            f"{c.service} ended with {c.exit_code}: {engine.logs(c.id, tail=8).strip()}"
            for c in engine.containers(lab)
            if c.state == "exited" and c.exit_code
        ]
    return LabError("\n".join([f"the lab did not come up: {error.message}", *logs]))
