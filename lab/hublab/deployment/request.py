"""A request for a lab: its name, Compose files, first settings, and configuration files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from hublab.deployment.own_config import OwnConfig
from hublab.errors import LabNameError
from hublab.paths import COMPOSE
from hublab.running.lab import DEFAULT_NAME
from hublab.settings.values import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Request:
    """What to bring up: a name, Compose files (none: the project's own), first settings."""

    name: str = DEFAULT_NAME
    files: tuple[Path, ...] = ()
    settings: Settings = field(default_factory=Settings)
    nodes: int | None = None
    """The number of nodes; None for as many as the Compose files have."""
    own: OwnConfig = field(default_factory=OwnConfig)
    """Configuration files of the user's own, for hub and servers."""

    @property
    def compose_files(self) -> tuple[Path, ...]:
        """The user's Compose files with absolute paths, or the project's own."""
        return tuple(path.resolve() for path in self.files) or (COMPOSE / "lab.yaml",)


def check_name(name: str) -> str:
    """Return a valid lab name, which is also a Compose project name. Raises LabNameError."""
    if not NAME.fullmatch(name):
        raise LabNameError(
            f"{name!r} cannot be the name of a lab",
            where="--name",
            hint="1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit",
        )
    return name
