"""Creates a planned lab, and removes it again when a later step fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hublab.deployment.conflicts import refuse_conflict
from hublab.deployment.own_config import Override, OwnConfig, check_own_config, put_own_config
from hublab.deployment.plan import Plan, make_plan
from hublab.deployment.removal import down_argv, undo
from hublab.deployment.request import Request
from hublab.deployment.resolution import Resolved, resolve
from hublab.deployment.up_lock import up_lock
from hublab.engine import Compose, Engine, ensure_images
from hublab.errors import EngineError, LabError
from hublab.guard.lease import Guard
from hublab.paths import lab_folder
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.settings.checking import check_settings


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
    """The values of the user's own configuration files that the lab replaces."""


def plan_here(request: Request) -> tuple[Plan, Engine]:
    """Plan a lab for this machine's engine, and refuse it before anything waits.

    Raises UsageError for what the user can repair, MachineError if no engine answers.
    """
    plan = make_plan(request)
    engine = Engine.connect()
    refuse_conflict(engine, plan)
    return plan, engine


def create(plan: Plan, engine: Engine, progress: Progress, *, lease: bool = False) -> Created:
    """Create and start a lab's containers, or find them running.

    Until its guard is released, a new or leased lab ends with this process, even after SIGKILL.
    Raises UsageError for what the user can repair, MachineError or EngineError; a failed call
    leaves nothing behind.
    """
    request = plan.request
    with up_lock(progress):
        refuse_conflict(engine, plan)  # again, because another `up` may just have ended
        resolved = resolve(plan, engine, progress)
        image_seconds = ensure_images(engine, resolved.compose, resolved.config, progress)
        overridden = check_own_config(engine, resolved.images, request.own, plan.topology)
        new = not engine.leftovers(plan.name)
        guard = Guard.start(undo=[down_argv(plan.name)]) if new or lease else None
        try:
            if request.settings:
                progress("checking the settings with the software that reads them")
                check_settings(engine, resolved.images, request.settings, lab=plan.name)
            begun = time.monotonic()
            compose = write(resolved)
            start_containers(engine, compose, resolved.subnets, request.own, progress, guard)
            lab = Lab.find(plan.name, engine)
        except BaseException:
            undo(guard, engine, plan.name, new)
            raise
    seconds = time.monotonic() - begun
    return Created(lab, new, guard, image_seconds, seconds, request.own, tuple(overridden))


def write(resolved: Resolved) -> Compose:
    """Write the plan's overlay into the lab's folder, the only file that `up` writes here."""
    lab_folder(resolved.plan.name)
    return resolved.compose.with_overlay_in(resolved.plan.overlay_file)


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
