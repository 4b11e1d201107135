"""The overlay that completes Compose files with hublab's defaults.

A service that has a role and no image gets what such a host has in the project's own topology:
image, address, volume, published port. If no service has the role init, one is added. What a file
sets itself is kept. The result is a Compose file, so that Compose does the merging.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from hublab.roles import LABEL, image_target
from hublab.topology.labels import label_problems
from hublab.topology.overlay import Overlay
from hublab.topology.positions import Sources
from hublab.topology.problems import Problem, RawProblem, TopologyErrors
from hublab.topology.sections import Service, read_sections, service_roles

IMAGE_KEYS = frozenset({"image", "build", "extends"})
"""A service with one of these has an image."""
STAND_IN = "hublab-none:dev"
FEWEST_NODES, MOST_NODES = 2, 128
"""The range of `--nodes`; compose/lab.yaml itself has two nodes."""


def overlay_text(files: Sequence[Path], root: Path, nodes: int | None = None) -> str:
    """The overlay that completes the files, empty where nothing is missing. Writes nothing.

    `root` is the project's folder, from which images are built; `nodes` is the number of nodes
    that the topology shall have. Raises TopologyErrors, with file and line, for services that
    have no image and get none, and for hosts that get no address.
    """
    found = read_sections(files)
    overlay = Overlay(found, root)
    problems = list(services_without_image(found.services))
    if not problems:
        for name, service in found.services.items():
            names = service_roles(service)
            if not IMAGE_KEYS & set(service) and image_target(names):
                overlay.add(name, service, names)
        overlay.add_nodes(nodes or 0)
        problems = overlay.problems
    if problems:
        sources = Sources(files)
        raise TopologyErrors(Problem.at(sources, *problem) for problem in problems)
    return overlay.text()


def stand_in_images(files: Sequence[Path]) -> str:
    """An overlay with which Compose reads files that the defaults do not complete."""
    bare = [n for n, s in read_sections(files).services.items() if not IMAGE_KEYS & set(s)]
    return yaml.safe_dump({"services": {name: {"image": STAND_IN} for name in bare}})


def services_without_image(services: Mapping[str, Service]) -> Iterator[RawProblem]:
    """The services that have no image and get none.

    Compose would report a random one of them, and not the role that is misspelt.
    """
    for name, service in services.items():
        names = service_roles(service)
        if IMAGE_KEYS & set(service) or image_target(names):
            continue
        wrong = list(label_problems(",".join(names))) if names else []
        for reason, hint in wrong:
            yield ("services", name, "labels", LABEL), reason, hint
        if not wrong:
            reason = "neither an image nor a role that hublab has an image for"
            hint = f"first, -f with the file that it overlays; or image: …, or a label {LABEL}"
            yield ("services", name), reason, hint
