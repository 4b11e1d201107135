"""Compose and buildx: what is enough, where the rest comes from, how it is put in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.errors import MachineError
from hublab.machine import apt, plugins
from hublab.machine.distribution import Distribution, describe
from hublab.machine.plugins import Tools

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
TRIXIE = {"ID": "debian", "VERSION_ID": "13", "VERSION_CODENAME": "trixie"}
NOBLE = {"ID": "ubuntu", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble"}


def machine(release: dict[str, str], *, root: bool = True, systemd: bool = False) -> Distribution:
    return describe(release, architecture="x86_64", systemd=systemd, root=root)


BOTH = ["docker-compose", "docker-buildx"]


@pytest.mark.parametrize(
    ("tools", "missing"),
    [
        (Tools(True, "2.26.1-4", "0.13.1+ds1"), []),
        (Tools(True, "2.40.3+ds1-0ubuntu1~24.04.1", "v0.30.1"), []),
        (Tools(True, "v5.1.0", "v1.0.0"), []),
        (Tools(True, "2.17.3", "0.13.1"), ["docker-compose"]),
        (Tools(True, "2.20.0", None), ["docker-buildx"]),
        (Tools(True, "unreadable", "0.13.1"), ["docker-compose"]),
        (Tools(False, None, None), BOTH),
    ],
)
def test_what_is_missing(tools: Tools, missing: list[str]) -> None:
    assert tools.missing() == missing


@pytest.mark.parametrize(
    ("release", "packages"),
    [
        (BOOKWORM, None),
        (TRIXIE, ["docker-compose", "docker-buildx"]),
        (NOBLE, ["docker-compose-v2", "docker-buildx"]),
    ],
)
def test_which_packages_hold_them(release: dict[str, str], packages: list[str] | None) -> None:
    assert plugins.distribution_packages(machine(release), BOTH) == packages


def test_on_debian_12_they_are_copied_from_the_next_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(apt, "debian_keyring", lambda: tmp_path)
    commands = plugins.install_commands(machine(BOOKWORM), ["docker-buildx"])
    assert commands[0].startswith("apt-get download docker-buildx")
    assert "trixie" in commands[0]
    assert len(commands) == 2


@pytest.mark.parametrize("version", ["glibc 2.34", "glibc 2.36", "glibc 3.0"])
def test_a_c_library_that_is_new_enough(version: str) -> None:
    plugins.check_libc(version)


@pytest.mark.parametrize("version", ["glibc 2.31", "musl 1.2.5", ""])
def test_a_c_library_that_is_not(version: str) -> None:
    with pytest.raises(MachineError, match=r"need glibc >= 2\.34, this machine has"):
        plugins.check_libc(version)


def test_a_plugin_is_replaced_not_rewritten(tmp_path: Path) -> None:
    source = tmp_path / "package/usr/libexec/docker/cli-plugins"
    source.mkdir(parents=True)
    (source / "docker-buildx").write_text("new")
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "docker-buildx").write_text("old")
    running = (folder / "docker-buildx").open()
    copied = plugins.copy_plugins(tmp_path / "package", folder)
    assert copied == [folder / "docker-buildx"]
    assert (folder / "docker-buildx").read_text() == "new"
    assert (folder / "docker-buildx").stat().st_mode & 0o777 == 0o755
    assert running.read() == "old"
    running.close()


def test_a_package_without_a_plugin(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no plugin"):
        plugins.copy_plugins(tmp_path, tmp_path / "plugins")
