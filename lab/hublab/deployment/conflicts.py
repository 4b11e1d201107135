"""Conflicts with a running lab of the same name: `up` reuses the lab or refuses."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hublab import roles
from hublab.deployment.plan import Plan
from hublab.engine import Container, Engine
from hublab.errors import LabNameError
from hublab.paths import overlay_file


def refuse_conflict(engine: Engine, name: str, plan: Plan) -> None:
    """Refuse a plan that would change a lab that runs under its name. Raises LabNameError.

    Compose would remove the hosts that the plan lacks, with everything that runs on them, and add
    hosts that the hub does not know.
    """
    containers = [c for c in engine.containers(name) if not c.sidecar_of]
    if not containers:
        return
    if not any(c.role for c in containers):
        raise LabNameError(
            f"{name} is the name of a Compose project that is no lab",
            where="--name",
            hint="another name",
        )
    hint = f"another name, or `hublab down --name {name}` first"
    present = {c.service for c in containers if c.role and c.role != roles.INIT}
    lost = sorted(present - {host.name for host in plan.topology.hosts})
    theirs = files_of(containers, name)
    # Compose joins the names by commas, which a name may hold as well.
    if theirs and theirs != ",".join(map(str, plan.files)):
        raise LabNameError(
            f"a lab named {name} runs already, from other files: {theirs}",
            where="--name",
            hint=f"that one: {options_of(theirs)}; or {hint}",
        )
    nodes = sum("node" in c.roles for c in containers)
    planned = len(plan.topology.by_role("node"))
    if plan.nodes is not None and planned != nodes and overlay_changed(name, plan):
        raise LabNameError(
            f"the lab {name} runs already, with {nodes} nodes", where="--nodes", hint=hint
        )
    if lost:
        raise LabNameError(
            f"the lab {name} runs already, with hosts that it would lose: {', '.join(lost)}",
            where="--name, --nodes",
            hint=hint,
        )


def files_of(containers: Sequence[Container], name: str) -> str:
    """The user's files of the running lab, as Compose recorded them; empty if it did not."""
    named = next((c.config_files for c in containers if c.config_files), "")
    return named.removesuffix(f",{overlay_file(name)}")


def options_of(files: str) -> str:
    """The options with which `up` finds a lab of these files."""
    return " ".join(f"-f {shlex.quote(one)}" for one in files.split(","))


def overlay_changed(name: str, plan: Plan) -> bool:
    """Whether the running lab has another overlay; one without a file has an empty one."""
    try:
        return overlay_file(name).read_text(encoding="utf-8") != plan.overlay
    except OSError:
        return plan.overlay != ""
