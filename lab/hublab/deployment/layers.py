"""Images with packages of the user's own: a layer on the image of a hub or a node, built once.

The tag is a digest of all that goes in: the image below, the requirements, the names of Debian's
packages. So an image that exists is up to date, and a change of any of them makes another one.
What JupyterHub's environment has already keeps its version; see compose/packages/install.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from hublab.deployment.build_errors import build_error
from hublab.deployment.plan import Plan
from hublab.deployment.resolution import Resolved, images_by_role
from hublab.engine import Compose, Engine, build_layer
from hublab.errors import EngineError, LabNameError
from hublab.guard.folder import temporary_folder
from hublab.machine.authorities import authorities
from hublab.paths import COMPOSE
from hublab.progress import OUTPUT, Progress
from hublab.topology.packages import Packages
from hublab.topology.requirements import Line, Requirements

FOLDER = COMPOSE / "packages"
RECORD = "/usr/local/lib/hublab/packages.json"
"""In such an image: which versions its layer kept, changed and added."""
SUFFIX = "-packages"


@dataclass(frozen=True, slots=True)
class VersionNote:
    """A version that is not what the requirements or the lab's own software say."""

    hosts: tuple[str, ...]
    name: str
    asked: str
    """What the requirements say, or what the lab's image has without them."""
    has: str
    """The version that is there; empty where the distribution is gone."""
    why: str
    position: str = ""
    """The file and line that asks for the distribution by name; empty if none does."""


def with_layers(
    resolved: Resolved, plan: Plan, name: str, engine: Engine, progress: Progress
) -> Resolved:
    """The same lab with images that have the packages of its hosts; builds those that are missing.

    A running lab keeps the packages that it has. Raises LabNameError if others are asked for,
    UsageError for packages that cannot be installed.
    """
    present = {c.service: c.below or c.image for c in engine.containers(name) if c.service}
    images = {
        host.service: image
        for host in plan.topology.hosts
        if is_layered(image := present.get(host.service, ""))
    }
    hosts: dict[str, list[str]] = {}
    for service, packages in plan.packages.items():
        base = str(resolved.config["services"][service]["image"])
        image = layered_name(base, engine.image_id(base) or base, packages)
        if present.get(service, image) != image:
            raise LabNameError(
                f"the lab {name} runs already, with other packages on {service}",
                where="--name",
                hint=f"another name, or `hublab down --name {name}` first",
            )
        hosts.setdefault(image, []).append(service)
        images[service] = image
    for image, services in hosts.items():
        if engine.image_id(image) is None:
            base = str(resolved.config["services"][services[0]]["image"])
            build(image, base, plan.packages[services[0]], services, progress)
    return with_images_of(resolved, plan, images) if images else resolved


def is_layered(image: str) -> bool:
    """Whether an image is one of these."""
    return image.partition(":")[0].endswith(SUFFIX)


def layered_name(base: str, base_id: str, packages: Packages) -> str:
    """The name of the image with some packages on top of another image."""
    digest = hashlib.sha256(base_id.encode())
    for path in sorted(FOLDER.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    digest.update(asked(packages.requirements).encode())
    digest.update("\0".join(sorted(packages.apt)).encode())
    for path in archives(packages.requirements):
        digest.update(path.read_bytes())
    repository = base.partition(":")[0].rpartition("/")[2].removesuffix(SUFFIX)
    return f"{repository}{SUFFIX}:{digest.hexdigest()[:12]}"


def asked(requirements: Requirements) -> str:
    """What compose/packages/install.py reads."""

    def entries(lines: Iterable[Line]) -> list[dict[str, Any]]:
        return [
            {"text": one.text, "name": one.name, "specifier": one.specifier, "url": one.url}
            for one in lines
        ]

    return json.dumps(
        {
            "requirements": entries(requirements.lines),
            "constraints": entries(requirements.constraints),
            "options": requirements.options,
        }
    )


def archives(requirements: Requirements) -> list[Path]:
    """The files that requirements name by path."""
    return [line.path for line in requirements.lines if line.path]


def build(
    image: str, base: str, packages: Packages, hosts: Sequence[str], progress: Progress
) -> None:
    """Build one image. Raises UsageError with what pip or apt says, MachineError, EngineError."""
    lines: list[str] = []

    def listen(line: str) -> None:
        if found := OUTPUT.match(line):
            lines.append(line[found.end() :])
        if line.startswith("#") and " ERROR: " not in line:  # the error has it in fewer lines
            progress(line)

    requirements = packages.requirements
    count = len(requirements.lines) + len(packages.apt)
    what = "1 package" if count == 1 else f"{count} packages"
    progress(f"installing {what} for {', '.join(hosts)}; that happens once for this list")
    with temporary_folder("packages") as context:
        (context / "install.py").write_bytes((FOLDER / "install.py").read_bytes())
        (context / "requirements.json").write_text(asked(requirements))
        (context / "files").mkdir()
        for path in archives(requirements):
            (context / "files" / path.name).write_bytes(path.read_bytes())
        try:
            build_layer(
                image,
                base,
                FOLDER / "Dockerfile",
                context,
                listen,
                target="whole" if requirements.lines else "system",
                arguments={"APT": " ".join(sorted(packages.apt))},
                authorities=authorities(),
            )
        except EngineError as error:
            raise build_error(lines, packages) or error from error


def with_images_of(resolved: Resolved, plan: Plan, images: Mapping[str, str]) -> Resolved:
    """The same lab with other images for some services."""
    compose = resolved.compose
    overlay = yaml.safe_load(compose.overlay) if compose.overlay else {}
    services = overlay.setdefault("services", {})
    for service, image in images.items():
        services.setdefault(service, {})["image"] = image
    text = yaml.safe_dump(overlay, sort_keys=False)
    layered = Compose(compose.files, compose.project, compose.variables, text)
    config = layered.config()
    return replace(
        resolved, compose=layered, config=config, images=images_by_role(plan.topology, config)
    )


def version_notes(engine: Engine, resolved: Resolved, plan: Plan) -> list[VersionNote]:
    """What the layers of a lab changed of its own software, and what they did not."""
    hosts: dict[str, list[str]] = {}
    for service, packages in plan.packages.items():
        if packages.requirements.lines:
            hosts.setdefault(str(resolved.config["services"][service]["image"]), []).append(service)
    found: list[VersionNote] = []
    for image, services in hosts.items():
        record = json.loads(engine.run_once(image, ["cat", RECORD]).stdout)
        requirements = plan.packages[services[0]].requirements
        found += notes_of(record, requirements, tuple(services))
    return found


def notes_of(
    record: Mapping[str, Any], requirements: Requirements, hosts: tuple[str, ...]
) -> list[VersionNote]:
    """The notes in one image's record."""
    lines = {one.name: one for one in (*requirements.constraints, *requirements.lines)}
    found = []
    for name, has in record["kept"].items():
        line = lines[name]
        why = "hub and nodes keep the lab's version; overlays and the axis version.hub have others"
        found.append(VersionNote(hosts, name, line.specifier, has, why, str(line.position)))
    for name, (had, has) in record["changed"].items():
        at = str(lines[name].position) if name in lines else ""
        why = "the requirements ask for it" if at else "another requirement needs it"
        found.append(VersionNote(hosts, name, had, has or "", why, at))
    return found
