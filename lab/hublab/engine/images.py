"""Builds images if their inputs have changed.

The tag of an image is the digest of all its inputs. So two checkouts never use the same name for
different images, and an image that exists is up to date.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hublab.engine.api import Engine
from hublab.engine.compose import Compose, stream
from hublab.errors import EngineError
from hublab.progress import Progress

PREFIX = "hublab-"


def inputs_digest(root: Path, base: str) -> str:
    """The tag for images built from the files of `root` on top of the image id `base`."""
    digest = hashlib.sha256(base.encode())
    for path in sorted(image_inputs(root)):
        digest.update(f"\0{path.relative_to(root)}\0{path.stat().st_mode & 0o111:o}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def image_inputs(root: Path) -> Iterable[Path]:
    """Every file that a build reads: those that .dockerignore lets through, and that file."""
    yield root / ".dockerignore"
    for folder in ("compose/images", "compose/etc", "spawners/jupyterhub_sshspawner"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        path = root / "spawners" / name
        if path.is_file():
            yield path


def ensure_images(
    engine: Engine, compose: Compose, config: Mapping[str, Any], progress: Progress
) -> None:
    """Build those images of a topology that the engine lacks."""
    buildable = {
        name: str(service["image"])
        for name, service in config["services"].items()
        if "build" in service and "image" in service
    }
    missing: dict[str, str] = {}
    for service, image in buildable.items():
        if engine.image_id(image) is None and image not in missing.values():
            missing[service] = image
    if not missing:
        return
    compose.build(sorted(missing), progress)
    # `docker compose up` without hublab looks for this tag.
    for image in missing.values():
        repository = image.partition(":")[0]
        if repository.startswith(PREFIX):
            engine.tag_image(image, repository, "dev")


def build_layer(
    image: str,
    base: str,
    dockerfile: Path,
    context: Path,
    progress: Progress,
    *,
    target: str,
    arguments: Mapping[str, str],
    authorities: str | None = None,
) -> None:
    """Build an image on top of another one that the engine has.

    `authorities` is the machine's bundle of certificate authorities, for a build that needs it.
    Raises EngineError with the end of the builder's output; `progress` gets all of it.
    """
    argv = ["docker", "buildx", "build", "--progress", "plain", "--load", "--target", target]
    argv += ["--tag", image, "--build-arg", f"IMAGE={base}"]
    argv += ["--secret", f"id=ca,src={authorities}"] if authorities else []
    argv += [part for k, v in arguments.items() for part in ("--build-arg", f"{k}={v}")]
    argv += ["--file", str(dockerfile), str(context)]
    stream(argv, dict(os.environ), f"build {image}", progress)


def save_images(names: Sequence[str], path: Path) -> None:
    """Write images into a tar that `docker load` reads. Raises EngineError."""
    argv = ["docker", "save", "--output", str(path), *names]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"could not save the images: {done.stderr.strip()}")


def build_target(root: Path, target: str, base: str, authorities: str, progress: Progress) -> str:
    """Build a target of the Dockerfile that is not part of a lab; returns the image's name.

    The builder's cache decides what to rebuild. Raises EngineError with the end of its output.
    """
    image = f"{PREFIX}{target}:dev"
    argv = ["docker", "buildx", "build", "--progress", "plain", "--load", "--target", target]
    argv += ["--tag", image, "--build-arg", f"BASE={base}", "--secret", f"id=ca,src={authorities}"]
    argv += ["--file", str(root / "compose" / "images" / "Dockerfile"), str(root)]
    stream(argv, dict(os.environ), f"build {image}", progress)
    return image


def export_files(
    context: Path,
    target: str,
    folder: Path,
    progress: Progress,
    *,
    base: str,
    authorities: str,
) -> None:
    """Build a target of the Dockerfile in `context`, and write its files into a folder.

    No image is made. Raises EngineError with the end of the builder's output.
    """
    argv = ["docker", "buildx", "build", "--progress", "plain", "--target", target]
    argv += ["--output", f"type=local,dest={folder}", "--build-arg", f"BASE={base}"]
    argv += ["--secret", f"id=ca,src={authorities}", str(context)]
    stream(argv, dict(os.environ), f"build the files of {target}", progress)
