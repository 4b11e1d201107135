"""The images of the roles: those of a lab that runs, else those that `up` would use."""

from __future__ import annotations

from collections.abc import Callable

from hublab.deployment import ROOT, Request, images_by_role
from hublab.engine import Compose, Engine, ensure_images
from hublab.engine.images import inputs_digest
from hublab.errors import NoSuchLab
from hublab.lab import Lab
from hublab.machine.base_image import choose_base
from hublab.topology import read_topology
from hublab.variables import all_variables


def role_images(
    engine: Engine, name: str, progress: Callable[[str], None]
) -> tuple[dict[str, str], Lab | None]:
    """Role to image, and the lab where one of that name runs. Builds images that are missing."""
    try:
        lab = Lab.find(name, engine)
    except NoSuchLab:
        return project_images(engine, name, progress), None
    return {host.role: host.image for host in reversed(lab.hosts.values())}, lab


def project_images(engine: Engine, name: str, progress: Callable[[str], None]) -> dict[str, str]:
    """The images of the project's own topology."""
    files = Request(name).compose_files
    base = choose_base(engine, progress)
    tag = inputs_digest(ROOT, engine.image_id(base) or base)
    compose = Compose(files, name, all_variables(name, "198.18.0", {}, base, tag))
    config = compose.config()
    ensure_images(engine, compose, config, progress)
    return images_by_role(read_topology(config, files), config)
