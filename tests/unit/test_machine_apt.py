"""Decisions about apt: when lists are fetched, and that a private root stays private."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hublab.errors import MachineError
from hublab.machine import apt
from hublab.machine.commands import ignore
from hublab.machine.sources import Mirrors

NOW = 1_000_000.0


def make_lists(folder: Path, age: float, *, empty: bool = False) -> Path:
    (folder / "partial").mkdir()
    if not empty:
        (folder / "mirror.example_debian_dists_trixie_InRelease").touch()
    for path in (folder / "partial", folder):
        os.utime(path, (NOW - age, NOW - age))
    return folder


@pytest.mark.parametrize(
    ("age", "empty", "fresh"), [(60, False, True), (90_000, False, False), (60, True, False)]
)
def test_lists_older_than_a_day_are_fetched(
    tmp_path: Path, age: float, empty: bool, fresh: bool
) -> None:
    assert apt.lists_are_fresh(make_lists(tmp_path, age, empty=empty), NOW) is fresh


def test_a_machine_without_lists(tmp_path: Path) -> None:
    assert apt.lists_are_fresh(tmp_path / "none", NOW) is False


class Runs:
    """Stands for `run`: fails the first `failures` installations."""

    def __init__(self, failures: int) -> None:
        self.verbs: list[str] = []
        self._failures = failures

    def __call__(self, argv: Sequence[str], *_: object, **__: object) -> str:
        verb = "update" if "update" in argv else "install"
        self.verbs.append(verb)
        if verb == "install" and self._failures:
            self._failures -= 1
            raise MachineError("404")
        return ""


@pytest.mark.parametrize(
    ("fresh", "failures", "verbs"),
    [
        (True, 0, ["install"]),
        (False, 0, ["update", "install"]),
        (True, 1, ["install", "update", "install"]),
    ],
)
def test_installing(
    monkeypatch: pytest.MonkeyPatch, fresh: bool, failures: int, verbs: list[str]
) -> None:
    runs = Runs(failures)
    monkeypatch.setattr(apt, "run", runs)
    monkeypatch.setattr(apt, "lists_are_fresh", lambda *_: fresh)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt.install(["hello"], ignore)
    assert runs.verbs == verbs


def test_fresh_lists_are_not_fetched_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(failures=2)
    monkeypatch.setattr(apt, "run", runs)
    monkeypatch.setattr(apt, "lists_are_fresh", lambda *_: False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(MachineError):
        apt.install(["hello"], ignore)
    assert runs.verbs == ["update", "install"]


def test_only_root_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError, match="only root can install hello"):
        apt.install(["hello"], ignore)


def test_a_private_root_reads_nothing_of_the_systems_sources(tmp_path: Path) -> None:
    root = tmp_path / "apt"
    command = apt.private_apt(
        root, Mirrors("http://mirror.example/debian"), "trixie", Path("/keys.gpg")
    )
    assert (root / "sources.list").read_text().splitlines() == [
        "deb [signed-by=/keys.gpg] http://mirror.example/debian trixie main",
        "deb [signed-by=/keys.gpg] http://mirror.example/debian trixie-updates main",
    ]
    assert f"Dir::Etc::SourceList={root}/sources.list" in command
    assert "Dir::Etc::SourceParts=/dev/null" in command
    assert f"Dir::State::status={root}/status" in command
    assert (root / "status").read_text() == ""


def test_keyring(tmp_path: Path) -> None:
    assert apt.debian_keyring(tmp_path) is None
    (tmp_path / "debian-archive-keyring.gpg").touch()
    assert apt.debian_keyring(tmp_path) == tmp_path / "debian-archive-keyring.gpg"
