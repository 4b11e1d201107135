"""What the user of a run says about its labs; needs no Docker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hublab.settings.values import Settings

DEFAULT_TOPOLOGY = ("lab",)
"""The Compose files of a test that names none, without their ending."""


@dataclass(frozen=True, slots=True)
class LabOptions:
    """How a run names, keeps and makes its labs."""

    name: str | None = None
    """Use the lab of this name, or bring it up under this name; None: a fresh one."""
    keep: bool = False
    """Leave the labs up at the end."""
    files: tuple[Path, ...] = ()
    """Compose files in the place of every topology that is asked for; none: those."""
    worker: str = ""
    """The name of this process among several, each with labs of its own."""
    pinned: Settings = field(default_factory=Settings)
    """Settings of every case: they are checked before a lab comes up."""
