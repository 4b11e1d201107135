"""`hublab bench --against REV`: the spawner of another revision, and what both cost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from hublab.bench.against import Cost, Round, figures
from hublab.bench.revisions import PACKAGE, spawner_of
from hublab.cli.bench import bench
from hublab.errors import UsageError


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: without a spawner, tagged `none`, and with one."""

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    def commit() -> None:
        git("add", ".")
        git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-m", "x")

    git("init", "-b", "main")
    (tmp_path / "README").write_text("none yet\n")
    commit()
    git("tag", "none")
    (tmp_path / PACKAGE / "launcher").mkdir(parents=True)
    (tmp_path / PACKAGE / "launcher/requests.py").write_text("committed\n")
    commit()
    (tmp_path / PACKAGE / "launcher/requests.py").write_text("not committed\n")
    return tmp_path


@pytest.mark.parametrize("revision", ["main", "HEAD"])
def test_the_package_is_taken_from_the_revision(repository: Path, revision: str) -> None:
    """Not from the files that happen to be there."""
    files = {file.name: file.content for file in spawner_of(revision, repository)}
    assert files == {"jupyterhub_sshspawner/launcher/requests.py": b"committed\n"}


@pytest.mark.parametrize("revision", ["nosuch", "", "--help", "main:README", "main..none"])
def test_what_is_no_revision_is_said(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="the repository has no revision") as told:
        spawner_of(revision, repository)
    assert "a commit, branch or tag" in str(told.value.hint)


def test_a_revision_without_a_spawner_is_said(repository: Path) -> None:
    with pytest.raises(UsageError, match="the revision has no spawner"):
        spawner_of("none", repository)


def test_a_folder_that_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        spawner_of("HEAD", tmp_path)


def test_it_takes_no_parts() -> None:
    done = CliRunner().invoke(bench, ["spawn", "--against", "HEAD"])
    assert isinstance(done.exception, UsageError)


@pytest.mark.parametrize(("poll", "slow"), [(0.5, False), (0.51, True)])
def test_a_build_is_held_against_the_other_of_its_round(poll: float, slow: bool) -> None:
    """Half of the CPU time of a poll, and 0.6 of the memory, are the most that is acceptable."""
    other, this = Cost(6.0, 1.0, 2.0), Cost(3.0, poll, 2.1)
    found = {figure.part: figure for figure in figures([Round(this, other, 0.25)], "v1")}
    assert (found["supervisor"].ratio.median, found["supervisor"].is_too_slow) == (0.5, False)
    assert (found["poll"].ratio.median, found["poll"].is_too_slow) == (poll, slow)
    assert found["poll-floor"].ratio.median == poll / 0.25
    assert found["spawn"].ratio.median == 1.05
