"""The user's options for the labs of a run; needs no Docker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hublab.checkouts import Checkout
from hublab.settings.values import Settings

DEFAULT_TOPOLOGY = ("lab",)
"""The topology of a test that names none: Compose files without their suffix."""


@dataclass(frozen=True, slots=True)
class LabOptions:
    """How a run names, creates and keeps its labs."""

    name: str | None = None
    """Use the lab of this name, or create it; None for a new lab with a random name."""
    keep: bool = False
    """Leave the labs up at the end."""
    files: tuple[Path, ...] = ()
    """Compose files that replace the topology of every test; empty to use the tests' own."""
    worker: str = ""
    """The name of this worker process, if there are several, each with its own labs."""
    cold: bool = False
    """Let each hub do its own imports, instead of forking it from a process that has done them."""
    pinned: Settings = field(default_factory=Settings)
    """Settings of every case; they are checked before a lab comes up."""
    checkouts: tuple[Checkout, ...] = ()
    """Working trees that every lab runs in place of releases."""
