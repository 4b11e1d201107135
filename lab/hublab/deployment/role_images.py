"""The images of the roles: those of a running lab, or those that `up` would use."""

from __future__ import annotations

from collections.abc import Mapping

from hublab.deployment.plan import make_plan
from hublab.deployment.request import Request
from hublab.deployment.resolution import Resolved, resolve
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
        return with_images(engine, Request(name), progress).images, None
    return lab.images, lab


def with_images(engine: Engine, request: Request, progress: Progress) -> Resolved:
    """Resolve what `up` would create, and build its missing images.

    Raises TopologyErrors for files that do not describe a lab.
    """
    resolved = resolve(make_plan(request), engine, progress)
    ensure_images(engine, resolved.compose, resolved.config, progress)
    return resolved
