"""The only way to Docker: nothing outside this package calls the engine or Compose."""

from hublab.engine.api import Engine
from hublab.engine.compose import Compose, ComposeRefusal
from hublab.engine.images import build_layer, build_target, ensure_images
from hublab.engine.records import Container, ExecResult

__all__ = [
    "Compose",
    "ComposeRefusal",
    "Container",
    "Engine",
    "ExecResult",
    "build_layer",
    "build_target",
    "ensure_images",
]
