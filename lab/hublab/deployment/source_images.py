"""Images with working trees of the software under test: a layer on the image of a host.

So `explain` and the check of settings, which ask the images, ask the working trees. The tag is a
digest of all that goes in, so an image that exists is up to date. A lab that runs keeps its images;
`refresh` brings a changed working tree onto its hosts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hublab.checkouts import FOLDER, Checkout, Source, cannot_start, staged
from hublab.deployment.layers import with_images_of
from hublab.deployment.plan import Plan
from hublab.deployment.resolution import Resolved
from hublab.engine import Engine, build_layer
from hublab.errors import EngineError, LabNameError
from hublab.guard.folder import temporary_folder
from hublab.machine.authorities import authorities
from hublab.progress import OUTPUT, Progress

SUFFIX = "-source"
OLDER = "hublab-older-"
"""Images whose point is the version that they have."""


def with_sources(
    resolved: Resolved, plan: Plan, name: str, engine: Engine, progress: Progress
) -> Resolved:
    """The same lab with images that have its working trees; builds those that are missing.

    Raises LabNameError where a lab runs without the working trees that are asked for, UsageError
    for one that does not start.
    """
    present = {c.service: c for c in engine.containers(name) if c.service}
    kept = {c.below: c.image for c in present.values() if c.sources}
    sources = {one.software.name: one.source() for one in plan.checkouts}
    images: dict[str, str] = {}
    for host in plan.topology.hosts:
        base = str(resolved.config["services"][host.service]["image"])
        if base.startswith(OLDER):
            continue
        chosen = [one for one in plan.checkouts if one.software.roles & set(host.roles)]
        running = present.get(host.service)
        if missing := {one.software.name for one in chosen} - set(
            running.sources if running else ()
        ):
            if running:
                named = ", ".join(sorted(missing))
                raise LabNameError(
                    f"the lab {name} runs already, with the release of {named}",
                    where="--name",
                    hint=f"another name, or `hublab down --name {name}` first",
                )
            image = image_name(base, engine, [sources[one.software.name] for one in chosen])
            if engine.image_id(image) is None:
                progress(f"laying {', '.join(sorted(missing))} over the release for {host.service}")
                build(image, base, chosen, list(sources.values()), host.roles, progress)
            images[host.service] = image
        elif base in kept:  # also a host that a running lab gets now
            images[host.service] = running.image if running else kept[base]
    return with_images_of(resolved, plan, images) if images else resolved


def image_name(base: str, engine: Engine, sources: Sequence[Source]) -> str:
    """The name of the image with some working trees on top of another image."""
    digest = hashlib.sha256((engine.image_id(base) or base).encode())
    for path in sorted(FOLDER.iterdir()):
        digest.update(path.read_bytes())
    for one in sources:  # the record is in the image, too
        digest.update(f"\0{one.software}\0{one.digest}\0{one.folder}\0{one.described}".encode())
    repository = base.partition(":")[0].rpartition("/")[2]
    return f"{repository}{SUFFIX}:{digest.hexdigest()[:12]}"


def build(
    image: str,
    base: str,
    checkouts: Sequence[Checkout],
    sources: Sequence[Source],
    roles: Sequence[str],
    progress: Progress,
) -> None:
    """Build one image. Raises UsageError for a working tree that does not start, EngineError."""
    names = [one.software.name for one in checkouts]
    lines: list[str] = []

    def listen(line: str) -> None:
        if found := OUTPUT.match(line):
            lines.append(line[found.end() :])

    with temporary_folder("source") as folder:
        theirs = [one for one in sources if one.software in names]
        for name, (content, mode) in staged(checkouts, theirs, roles).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)
        progress(f"building {image.partition(':')[0]}")
        try:
            build_layer(
                image,
                base,
                FOLDER / "Dockerfile",
                folder,
                listen,
                target="source",
                arguments={"BELOW": base, "SOURCES": ",".join(names)},
                authorities=authorities(),
            )
        except EngineError as error:
            raise cannot_start(lines, checkouts) or error from error
