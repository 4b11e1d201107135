"""The images of the roles: those of a running lab, or those that `up` would use."""

from __future__ import annotations

from collections.abc import Mapping

from hublab.deployment.layers import with_layers
from hublab.deployment.plan import Plan, make_plan
from hublab.deployment.resolution import Resolved, resolve
from hublab.deployment.source_images import with_sources
from hublab.deployment.up_lock import up_lock
from hublab.engine import Engine, ensure_images
from hublab.errors import NoSuchLab
from hublab.progress import Progress
from hublab.running.lab import Lab


def role_images(
    engine: Engine, name: str, progress: Progress
) -> tuple[Mapping[str, str], Lab | None]:
    """Role -> image, and the lab if one of that name is running. Builds missing images."""
    try:
        lab = Lab.find(name, engine)
    except NoSuchLab:
        return with_images(make_plan(), name, engine, progress).images, None
    return lab.images, lab


def with_images(plan: Plan, name: str, engine: Engine, progress: Progress) -> Resolved:
    """What `up` would create, its images built where they are missing.

    Raises UsageError for packages that cannot be installed, and working trees that do not start.
    """
    resolved = with_labs_images(plan, name, engine, progress)
    layered = with_layers(resolved, plan, name, engine, progress)
    return with_sources(layered, plan, name, engine, progress)


def with_labs_images(plan: Plan, name: str, engine: Engine, progress: Progress) -> Resolved:
    """What `up` would create without what is the user's own; builds missing images."""
    resolved = resolve(plan, name, engine, progress)
    ensure_images(engine, resolved.compose, resolved.config, progress)
    return resolved


def build_packages(plan: Plan, name: str, engine: Engine, progress: Progress) -> None:
    """Build the images with packages of the user's own, so that `create` finds them.

    That can take minutes, in which other labs may come up. Raises as `with_layers` does.
    """
    if not plan.packages:
        return
    with up_lock(progress):
        resolved = with_labs_images(plan, name, engine, progress)
    with_layers(resolved, plan, name, engine, progress)
