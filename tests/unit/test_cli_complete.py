"""Completion where there is no lab, and what it remembers of an image's settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
import pytest
from click.shell_completion import ShellComplete

from hublab.cli import cli, complete
from hublab.cli.reproduce import reported
from hublab.running.lab import Lab


def completed(words: list[str], incomplete: str) -> list[str]:
    shell = ShellComplete(cli, {}, "hublab", "_HUBLAB_COMPLETE")
    return [item.value for item in shell.get_completions(words, incomplete)]


@pytest.mark.parametrize(
    "words", [["exec"], ["spawn"], ["unset"], ["logs"], ["ps", "--name"], ["restart"]]
)
def test_without_an_engine_there_is_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """And no message, which a shell would print into the line that somebody types."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/socket")
    assert completed(words, "") == []
    assert capsys.readouterr() == ("", "")


def test_all_issues_are_found_in_the_files() -> None:
    """Those that pytest collects, without collecting."""
    nothing: Any = None
    assert set(complete.issues(nothing, nothing, "")) == {one.issue for one in reported()}


def test_an_image_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another image, as after an upgrade, is asked again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = []

    class Engine:
        image = "sha256:1"

        def image_id(self, name: str) -> str:
            return self.image

    class Found:
        def __init__(self) -> None:
            self.engine = Engine()
            self.images = {"hub": "hublab-hub:1"}

    def known(engine: Any, images: Any, scope: str) -> Iterator[str]:
        asked.append(engine.image)
        yield "hub.JupyterHub.hub_connect_ip"
        yield "hub.Spawner.ip"

    monkeypatch.setattr(complete, "lab_of", lambda ctx: cast(Lab, Found()))
    monkeypatch.setattr(complete, "settings_of_scope", known)
    command = click.Command("set")
    ctx, param = click.Context(command), click.Argument(["texts"])
    for _ in range(2):
        assert complete.settings(ctx, param, "hub.Sp") == ["hub.Spawner.ip"]
    assert asked == ["sha256:1"]
    Engine.image = "sha256:2"
    assert complete.settings(ctx, param, "h") == ["hub.JupyterHub.hub_connect_ip", "hub.Spawner.ip"]
    assert asked == ["sha256:1", "sha256:2"]
