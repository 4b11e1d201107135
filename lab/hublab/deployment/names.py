"""Names of labs: each is also the name of a Compose project."""

from __future__ import annotations

import re

from hublab.errors import LabNameError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def check_name(name: str) -> str:
    """The name, if a lab may have it. Raises LabNameError."""
    if not NAME.fullmatch(name):
        raise LabNameError(
            f"{name!r} cannot be the name of a lab",
            where="--name",
            hint="1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit",
        )
    return name
