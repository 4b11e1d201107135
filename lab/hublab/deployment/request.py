"""What somebody asks for: a name, Compose files, first settings, configuration of their own."""

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
    """How many nodes the topology gets; None: as many as its files have."""
    own: OwnConfig = field(default_factory=OwnConfig)
    """Configuration files of the user's own, for hub and servers."""

    @property
    def compose_files(self) -> tuple[Path, ...]:
        """The files that somebody wrote, with whole paths."""
        return tuple(path.resolve() for path in self.files) or (COMPOSE / "lab.yaml",)


def check_name(name: str) -> str:
    """A lab name is also a Compose project name. Raises LabNameError."""
    if not NAME.fullmatch(name):
        raise LabNameError(
            f"{name!r} cannot be the name of a lab",
            where="--name",
            hint="1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit",
        )
    return name
