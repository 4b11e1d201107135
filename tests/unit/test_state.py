"""The folder of what labs leave on this machine: whose it is, and where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hublab.paths import lab_folder, labs_folder


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_it_is_its_owner_s_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write in the upper one can put another in the place of a lab's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = lab_folder("golden")
    assert [f"{one.stat().st_mode & 0o777:o}" for one in (folder, folder.parent)] == ["700"] * 2


@pytest.mark.parametrize("given", ["", "state"])
def test_a_relative_one_is_void(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG base directories: "all paths set in these environment variables must be absolute"."""
    monkeypatch.setenv("XDG_STATE_HOME", given)
    assert labs_folder() == Path.home() / ".local" / "state" / "hublab"
