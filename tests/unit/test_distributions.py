"""What an installer sees of the two distributions agrees with their code and their pages."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import hublab
import jupyterhub_sshspawner

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Distribution:
    """A distribution of this project; `folder` is where it is built, `version` its module's."""

    name: str
    folder: Path
    changelog: Path
    version: str


DISTRIBUTIONS = [
    Distribution("hublab", ROOT / "lab", ROOT / "CHANGELOG.md", hublab.__version__),
    Distribution(
        "jupyterhub-sshspawner",
        ROOT / "spawners",
        ROOT / "spawners" / "CHANGELOG.md",
        jupyterhub_sshspawner.__version__,
    ),
]
each_distribution = pytest.mark.parametrize("ours", DISTRIBUTIONS, ids=lambda ours: ours.name)


@each_distribution
def test_installed_version_is_that_of_the_module(ours: Distribution) -> None:
    """Fails for a second version in pyproject.toml, and for an environment of older code."""
    assert importlib.metadata.version(ours.name) == ours.version


@each_distribution
def test_newest_heading_of_the_changelog_fits_the_version(ours: Distribution) -> None:
    """The rule stands at the top of CHANGELOG.md; the form is that of Keep a Changelog 1.1."""
    newest = re.search(r"^## (\S+)", ours.changelog.read_text(encoding="utf-8"), re.M)
    assert newest
    assert newest[1] == f"[{'Unreleased' if '.dev' in ours.version else ours.version}]"


@each_distribution
def test_licence_is_that_of_the_project(ours: Distribution) -> None:
    """Each distribution is built from its own folder, so each has a copy."""
    assert (ours.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
