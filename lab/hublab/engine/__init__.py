"""The one door to Docker: nothing outside this package speaks to the engine or to Compose."""

from hublab.engine.api import Engine
from hublab.engine.compose import Compose
from hublab.engine.images import ensure_images
from hublab.engine.records import Container, ExecResult

__all__ = ["Compose", "Container", "Engine", "ExecResult", "ensure_images"]
