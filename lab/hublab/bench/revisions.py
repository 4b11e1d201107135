"""The spawner of another revision of this repository, for the hub of a lab."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from hublab.engine.records import File
from hublab.errors import UsageError
from hublab.paths import ROOT

PACKAGE = "spawners/jupyterhub_sshspawner"


def spawner_of(revision: str, root: Path = ROOT) -> list[File]:
    """The files of its package, named from the package's folder on.

    Raises UsageError for a revision that the repository does not have, or that has no spawner.
    """
    where = f"--against {revision}"
    commit = git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if commit.returncode:
        raise UsageError(
            commit.stderr.decode().strip() or f"the repository has no revision {revision!r}",
            where=where,
            hint="a commit, branch or tag of this repository, as `git log` shows them",
        )
    archive = git(root, "archive", "--format=tar", commit.stdout.decode().strip(), PACKAGE)
    if archive.returncode:
        raise UsageError(
            f"the revision has no spawner: {archive.stderr.decode().strip()}",
            where=where,
            hint=f"a revision with {PACKAGE}",
        )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        return [
            File(member.name.removeprefix("spawners/"), file.read())
            for member in tar.getmembers()
            if (file := tar.extractfile(member)) is not None
        ]


def git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder. Raises UsageError where there is none."""
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise UsageError(
            "--against needs git, which is not installed", hint="apt-get install git"
        ) from error
