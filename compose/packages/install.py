"""Installs one's own packages into the Python of a hub or node, while its image is built.

    install.py SOURCE TARGET

SOURCE/requirements.json says what is asked for; hublab/deployment/layers.py writes it. What is
installed already keeps its version, unless the requirements ask for another one by name. JupyterHub
and the spawner keep theirs in any case: hubs and nodes of a lab belong together. TARGET gets what
pip has added (added.tar), what it has removed (removed), and a record of versions (packages.json).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PREFIX = Path(sys.prefix)
KEPT = ("jupyterhub", "jupyterhub-sshspawner")


def versions() -> dict[str, str]:
    """Distribution -> version, of all that is installed."""
    return {canonicalize_name(one.name): one.version for one in metadata.distributions()}


def agrees(line: dict[str, Any], installed: dict[str, str]) -> bool:
    """Whether a requirement says nothing against the version that is installed."""
    has = installed.get(line["name"])
    if has is None:
        return True
    if line["url"]:
        return False
    return SpecifierSet(line["specifier"]).contains(has, prereleases=True)


def resolved(asked: dict[str, Any], installed: dict[str, str]) -> tuple[list[str], list[str]]:
    """The lines of a requirements file and of a constraints file for pip."""
    named = [*asked["requirements"], *asked["constraints"]]
    others = {line["name"] for line in named if not agrees(line, installed)} - set(KEPT)
    wanted = [line["text"] for line in asked["requirements"] if line["name"] not in KEPT]
    if not any("--hash" in text for text in [*wanted, *asked["options"]]):
        # So that pip refuses what this version cannot work with, instead of a warning.
        wanted += [f"{name}=={installed[name]}" for name in KEPT if name in installed]
    holding = [f"{name}=={has}" for name, has in installed.items() if name not in others]
    holding += [line["text"] for line in asked["constraints"] if line["name"] not in KEPT]
    return [*asked["options"], *wanted], holding


def kept(asked: dict[str, Any], installed: dict[str, str]) -> list[str]:
    """The distributions of which another version is asked for in vain."""
    named = [*asked["requirements"], *asked["constraints"]]
    return sorted(
        {one["name"] for one in named if one["name"] in KEPT and not agrees(one, installed)}
    )


def paths() -> set[str]:
    """Every file and folder of the environment."""
    return {str(path) for path in PREFIX.rglob("*")}


def install(source: Path, target: Path) -> int:
    """Run pip, and write down what it did; returns pip's exit code."""
    asked = json.loads((source / "requirements.json").read_text())
    before, there, begun = versions(), paths(), time.time()
    target.mkdir()
    requirements, constraints = resolved(asked, before)
    for name, lines in (("requirements", requirements), ("constraints", constraints)):
        Path(f"/tmp/{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    pip = [sys.executable, "-m", "pip", "install", "--progress-bar", "off"]
    done = subprocess.run([*pip, "-r", "/tmp/requirements.txt", "-c", "/tmp/constraints.txt"])
    if done.returncode:
        return done.returncode
    now, after = paths(), versions()
    (target / "removed").write_text("".join(f"{path}\n" for path in sorted(there - now)))
    with tarfile.open(target / "added.tar", "w") as archive:
        for path in sorted(now):
            # A wheel's files may be older than this; the time of the inode is not.
            if path not in there or Path(path).lstat().st_ctime >= begun:
                archive.add(path, path.lstrip("/"), recursive=False)
    changed = {
        name: [had, after.get(name)] for name, had in before.items() if after.get(name) != had
    }
    record = {
        "kept": {name: before[name] for name in kept(asked, before)},
        "changed": changed,
        "added": {name: now for name, now in after.items() if name not in before},
    }
    (target / "packages.json").write_text(json.dumps(record))
    return 0


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1]), Path(sys.argv[2])))
