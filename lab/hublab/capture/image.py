"""The image of captures: the lab's tools, and what captures and dissects.

It is twice as large as the tools alone, so it is built when the first capture begins.
"""

from __future__ import annotations

import hashlib

from hublab.engine import build_layer
from hublab.paths import COMPOSE
from hublab.progress import Progress
from hublab.running.lab import Lab

FOLDER = COMPOSE / "capture"
REPOSITORY = "hublab-capture"


def capture_image(lab: Lab, progress: Progress) -> str:
    """The image's name; built if the engine lacks it. Raises EngineError.

    The tag is a digest of all that goes in, so an image that exists is up to date.
    """
    base = lab.sidecar_image
    digest = hashlib.sha256((lab.engine.image_id(base) or base).encode())
    for path in sorted(path for path in FOLDER.iterdir() if path.is_file()):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    image = f"{REPOSITORY}:{digest.hexdigest()[:12]}"
    if lab.engine.image_id(image) is None:
        progress(f"building {REPOSITORY}, for the first capture")
        build_layer(
            image, base, FOLDER / "Dockerfile", FOLDER, progress, target="capture", arguments={}
        )
    return image
