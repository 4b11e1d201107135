"""From what is missing to steps; an engine that answers is left exactly as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hublab.engine import Engine
from hublab.errors import MachineError
from hublab.machine import apt, base_image, engine_service
from hublab.machine import plugins as plugins_module
from hublab.machine import preparation as planning
from hublab.machine.commands import ignore
from hublab.machine.distribution import Distribution, describe
from hublab.machine.plugins import Tools

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
FEDORA = {"ID": "fedora", "VERSION_ID": "44", "PRETTY_NAME": "Fedora Linux 44"}


def machine(release: dict[str, str], *, root: bool = True, systemd: bool = False) -> Distribution:
    return describe(release, architecture="x86_64", systemd=systemd, root=root)


SILENT = MachineError("no Docker engine answers", where="unix:///var/run/docker.sock")
ALL_TOOLS = Tools(True, "2.26.1", "0.13.1")
NO_TOOLS = Tools(False, None, None)


class FakeEngine(Engine):
    """An engine that answers and has a base."""

    def __init__(self, has_base: bool = True) -> None:
        super().__init__(None, "unix:///var/run/docker.sock")
        self._has_base = has_base

    def image_id(self, name: str) -> str | None:
        return "sha256:1" if self._has_base else None


Given = Callable[..., None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    def give(
        tools: Tools = ALL_TOOLS, *, installed: bool = False, configured: bool = False
    ) -> None:
        configuration = tmp_path / "docker" / "daemon.json"
        if configured:
            configuration.parent.mkdir()
            configuration.touch()
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        monkeypatch.delenv("HUBLAB_BASE", raising=False)
        monkeypatch.setattr(planning, "engine_host", lambda: SILENT.where)
        monkeypatch.setattr(plugins_module, "find", lambda: tools)
        monkeypatch.setattr(engine_service, "is_installed", lambda: installed)
        monkeypatch.setattr(engine_service, "CONFIGURATION", configuration)
        monkeypatch.setattr(apt, "debian_keyring", lambda: tmp_path)
        monkeypatch.setattr(base_image, "debian_mirror", lambda _: None)

    return give


def titles(engine: Engine | MachineError, release: dict[str, str] = BOOKWORM) -> list[str]:
    return [step.title for step in planning.plan(machine(release), engine)]


def test_nothing_to_do(given: Given) -> None:
    given()
    assert titles(FakeEngine()) == []


def test_a_bare_machine_in_order(given: Given) -> None:
    given(NO_TOOLS)
    assert titles(SILENT) == [
        "give the new engine networks of 198.18.0.0/16, which is not routed anywhere",
        "install the Docker engine",
        "start the Docker engine",
        "install docker-compose and docker-buildx",
        "get a base image",
    ]


def test_an_installed_engine_is_only_started(given: Given) -> None:
    given(installed=True, configured=True)
    assert titles(SILENT) == ["start the Docker engine", "get a base image"]


def test_an_engine_that_answers_is_neither_configured_nor_started(given: Given) -> None:
    given(NO_TOOLS, installed=True)
    assert titles(FakeEngine(has_base=False)) == [
        "install the docker command",
        "install docker-compose and docker-buildx",
        "get a base image",
    ]


def test_the_users_own_engine_that_is_silent_is_an_error(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(NO_TOOLS)
    monkeypatch.setenv("DOCKER_HOST", "ssh://build.example")
    with pytest.raises(MachineError, match="no Docker engine answers"):
        planning.plan(machine(BOOKWORM), SILENT)


def test_what_cannot_be_installed_here_is_said_before_anything_is_done(given: Given) -> None:
    given(NO_TOOLS)
    with pytest.raises(MachineError, match="cannot prepare Fedora"):
        planning.plan(machine(FEDORA), SILENT)
    with pytest.raises(MachineError, match="only root"):
        planning.plan(machine(BOOKWORM, root=False), SILENT)


def test_a_base_from_a_registry_takes_no_root(given: Given) -> None:
    given()
    steps = planning.plan(machine(FEDORA, root=False), FakeEngine(has_base=False))
    assert [step.title for step in steps] == ["get a base image"]


def test_the_configuration_is_written_by_its_step_alone(given: Given) -> None:
    given()
    step, *_ = planning.plan(machine(BOOKWORM), SILENT)
    assert not engine_service.CONFIGURATION.exists()
    step.run(ignore)
    assert engine_service.CONFIGURATION.exists()


def test_steps_install_what_they_say(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    given(NO_TOOLS)
    calls: list[Any] = []
    monkeypatch.setattr(apt, "install", lambda packages, progress: calls.append(packages))
    step = planning.plan(machine(BOOKWORM), SILENT)[1]
    step.run(ignore)
    assert calls == [["docker.io", "iptables"]]
    assert step.commands[-1].endswith("--no-install-recommends docker.io iptables")
