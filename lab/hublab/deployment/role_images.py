"""The images of the roles: those of a lab that runs, else those that `up` would use."""

from __future__ import annotations

from typing import Any

from hublab.deployment.creation import Request, images_by_role
from hublab.deployment.variables import all_variables, ports, subnet_choices
from hublab.engine import Compose, Engine, ensure_images
from hublab.engine.images import inputs_digest
from hublab.errors import NoSuchLab
from hublab.machine.base_image import choose_base
from hublab.paths import ROOT
from hublab.progress import Progress
from hublab.running.lab import Lab
from hublab.topology.reading import read_topology


def role_images(engine: Engine, name: str, progress: Progress) -> tuple[dict[str, str], Lab | None]:
    """Role to image, and the lab where one of that name runs. Builds images that are missing."""
    try:
        lab = Lab.find(name, engine)
    except NoSuchLab:
        return project_images(engine, name, progress), None
    return lab.images, lab


def project_images(engine: Engine, name: str, progress: Progress) -> dict[str, str]:
    """The images of the project's own topology."""
    return project_config(engine, Request(name), progress, build=True)[1]


def project_config(
    engine: Engine, request: Request, progress: Progress, *, build: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Compose's configuration of some files on a free subnet and free ports; role to image.

    Raises TopologyErrors for files that make no lab. With `build`, images that are missing are
    built.
    """
    files = request.compose_files
    read_topology(Compose(files, request.name, {}).config(), request.given_files)
    base = choose_base(engine, progress)
    tag = inputs_digest(ROOT, engine.image_id(base) or base)
    subnet = next(subnet_choices(engine, request.name))
    free = ports(engine, [])
    compose = Compose(files, request.name, all_variables(request.name, subnet, free, base, tag))
    config = compose.config()
    if build:
        ensure_images(engine, compose, config, progress)
    return config, images_by_role(read_topology(config, request.given_files), config)
