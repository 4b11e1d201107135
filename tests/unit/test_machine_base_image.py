"""Which image all others are built on: what is there stays, a registry comes before making."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.errors import MachineError
from hublab.machine import apt, base_image
from hublab.machine.commands import ignore
from hublab.machine.distribution import Distribution, describe
from hublab.machine.sources import Mirrors

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
NOBLE = {"ID": "ubuntu", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble"}


def machine(release: dict[str, str], *, root: bool = True, systemd: bool = False) -> Distribution:
    return describe(release, architecture="x86_64", systemd=systemd, root=root)


class FakeEngine:
    """Images by name; pulls what its registry has."""

    def __init__(self, *images: str, registry: tuple[str, ...] = ()) -> None:
        self.images = set(images)
        self.registry = registry
        self.calls: list[str] = []

    def image_id(self, name: str) -> str | None:
        return f"sha256:{name}" if name in self.images else None

    def pull(self, name: str, timeout: float) -> bool:
        self.calls.append(f"pull {name}")
        if name in self.registry:
            self.images.add(name)
        return name in self.registry

    def import_image(self, path: str, repository: str, tag: str) -> None:
        self.calls.append(f"import {Path(path).name}")
        self.images.add(f"{repository}:{tag}")


@pytest.fixture(autouse=True)
def _no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBLAB_BASE", raising=False)
    monkeypatch.setattr(base_image, "build_base_tar", lambda folder, *_: folder / "base.tar")


@pytest.mark.parametrize("present", ["debian:trixie-slim", "hublab-base:trixie"])
def test_what_is_there_is_used_without_asking_a_registry(present: str) -> None:
    engine = FakeEngine(present, registry=("debian:trixie-slim",))
    assert base_image.choose_base(engine, ignore) == present
    assert engine.calls == []


def test_a_registry_comes_before_making() -> None:
    engine = FakeEngine(registry=("debian:trixie-slim",))
    assert base_image.choose_base(engine, ignore) == "debian:trixie-slim"
    assert engine.calls == ["pull debian:trixie-slim"]


def test_made_where_no_registry_answers_and_found_the_next_time() -> None:
    engine = FakeEngine()
    said: list[str] = []
    assert base_image.choose_base(engine, said.append) == "hublab-base:trixie"
    assert engine.calls == ["pull debian:trixie-slim", "import base.tar"]
    assert said[1].startswith("no registry has it")
    assert base_image.choose_base(engine, ignore) == "hublab-base:trixie"
    assert len(engine.calls) == 2


def test_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBLAB_BASE", "mine:13")
    engine = FakeEngine("debian:trixie-slim", registry=("mine:13",))
    assert base_image.choose_base(engine, ignore) == "mine:13"
    assert base_image.choose_base(FakeEngine("mine:13"), ignore) == "mine:13"


def test_the_users_choice_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBLAB_BASE", "mine:13")
    with pytest.raises(MachineError, match="neither in the engine nor") as caught:
        base_image.choose_base(FakeEngine("debian:trixie-slim"), ignore)
    assert caught.value.where == "HUBLAB_BASE"


def test_debian_12_comes_from_where_debian_13_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBLAB_BASE", "mine:13")
    engine = FakeEngine("debian:trixie-slim", registry=("debian:bookworm-slim",))
    assert base_image.choose_old_base(engine, ignore) == "debian:bookworm-slim"
    assert engine.calls == ["pull debian:bookworm-slim"]
    engine = FakeEngine("hublab-base:trixie")
    for _ in range(2):
        assert base_image.choose_old_base(engine, ignore) == "hublab-base:bookworm"
    assert engine.calls == ["import base.tar"]


def test_mmdebstrap_makes_the_suite_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "debian_mirror", lambda _: Mirrors("http://a.example/debian"))
    command = base_image.bootstrap_command(
        machine(BOOKWORM), Path("b.tar"), Path("/k"), base_image.OLD_SUITE
    )
    assert command[3:5] == ["bookworm", "b.tar"]
    assert command[5].startswith("deb http://a.example/debian bookworm ")


def test_mmdebstrap_gets_the_hosts_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        base_image, "debian_mirror", lambda _: Mirrors("http://a.example/debian", None)
    )
    assert base_image.bootstrap_command(machine(BOOKWORM), Path("b.tar"), Path("/k")) == [
        "mmdebstrap",
        "--variant=minbase",
        "--keyring=/k",
        "trixie",
        "b.tar",
        "deb http://a.example/debian trixie main",
        "deb http://a.example/debian trixie-updates main",
    ]


def test_a_mirror_by_tls_needs_authorities_in_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "debian_mirror", lambda _: Mirrors("https://a.example/debian"))
    command = base_image.bootstrap_command(machine(BOOKWORM), Path("b.tar"), Path("/k"))
    assert "--include=ca-certificates" in command


def test_on_ubuntu_mmdebstrap_knows_the_mirror_itself() -> None:
    command = base_image.bootstrap_command(machine(NOBLE), Path("b.tar"), Path("/k"))
    assert command[-2:] == ["trixie", "b.tar"]


def test_the_commands_of_a_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "debian_keyring", lambda: None)
    monkeypatch.setattr(base_image, "which", lambda _: None)
    commands = "\n".join(base_image.commands(machine(NOBLE)))
    assert "install --no-install-recommends mmdebstrap debian-archive-keyring" in commands
    assert commands.endswith("docker import base.tar hublab-base:trixie")
