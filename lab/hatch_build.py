"""Puts what a clone has beside the package into the wheel: topologies, images' inputs, scenarios.

The package finds it as `hublab/project` (see `hublab.paths`). An editable installation has the
clone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = (
    ".dockerignore",
    "compose",
    "scenarios",
    "spawners/CHANGELOG.md",
    "spawners/LICENSE",
    "spawners/README.md",
    "spawners/docs",
    "spawners/jupyterhub_sshspawner",
    "spawners/pyproject.toml",
    "spawners/tests",
)
PAGE = ("page.js", "page.css")


class ProjectInWheel(BuildHookInterface[Any]):
    """Adds the parts of the clone that the package looks up."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        clone = Path(self.root).parent
        if missing := [part for part in PARTS if not (clone / part).exists()]:
            raise FileNotFoundError(
                f"hublab is built in a clone of its repository: {', '.join(missing)} not there"
            )
        for name in PAGE:  # built by .ci/dist.py; without it a wheel makes no reports
            if (built := clone / "lab" / "report_page" / "dist" / name).is_file():
                build_data["force_include"][str(built)] = f"hublab/report/page/{name}"
        for part in PARTS:
            build_data["force_include"][str(clone / part)] = f"hublab/project/{part}"
