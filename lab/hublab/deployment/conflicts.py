"""Conflicts with a running lab of the same name: `up` reuses the lab or refuses."""

from __future__ import annotations

from collections.abc import Sequence

from hublab import roles
from hublab.deployment.plan import Plan
from hublab.engine import Container, Engine
from hublab.errors import LabNameError


def refuse_conflict(engine: Engine, plan: Plan) -> None:
    """Refuse a plan that would change a running lab of its name. Raises LabNameError.

    Compose would remove the hosts that the plan lacks, with everything that runs on them, and add
    hosts that the hub does not know.
    """
    containers = [c for c in engine.containers(plan.name) if not c.sidecar_of]
    if not containers:
        return
    if not any(c.role for c in containers):
        raise LabNameError(
            f"{plan.name} is the name of a Compose project that is not a lab",
            where="--name",
            hint="another name",
        )
    hint = f"another name, or `hublab down --name {plan.name}` first"
    present = {c.service for c in containers if c.role and c.role != roles.INIT}
    lost = sorted(present - {host.name for host in plan.topology.hosts})
    running_files = files_in_use(containers, plan)
    if running_files and running_files != [str(file) for file in plan.files]:
        raise LabNameError(
            f"a lab named {plan.name} runs already, from other files: {', '.join(running_files)}",
            where="--name",
            hint=hint,
        )
    nodes = sum("node" in c.roles for c in containers)
    if plan.request.nodes not in (None, nodes) and overlay_changed(plan):
        raise LabNameError(
            f"the lab {plan.name} runs already, with {nodes} nodes", where="--nodes", hint=hint
        )
    if lost:
        raise LabNameError(
            f"the lab {plan.name} runs already, with hosts that it would lose: {', '.join(lost)}",
            where="--name, --nodes",
            hint=hint,
        )


def files_in_use(containers: Sequence[Container], plan: Plan) -> list[str]:
    """The user's Compose files of the running lab; empty if the engine does not record them."""
    named = next((c.config_files for c in containers if c.config_files), "")
    return [file for file in named.split(",") if file and file != str(plan.overlay_file)]


def overlay_changed(plan: Plan) -> bool:
    """Whether the running lab has a different overlay, or one that this account cannot read."""
    try:
        return plan.overlay_file.read_text(encoding="utf-8") != plan.overlay
    except OSError:
        return True
