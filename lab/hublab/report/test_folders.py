"""The names of the folders in which a run keeps the logs of its tests."""

from __future__ import annotations

import re

from hublab.settings.secrets import short_digest


def folder_name(nodeid: str) -> str:
    """A test's id as the name of a folder; distinct tests have distinct folders."""
    name = re.sub(r"[^\w.=\[\]-]+|^\.+$", "_", nodeid, flags=re.ASCII)
    return name if len(name) <= 100 else f"{name[:90]}~{short_digest(name)}"
