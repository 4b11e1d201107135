"""Which distribution this is, from the os-release files that real ones ship."""

from __future__ import annotations

import pytest

from hublab.errors import MachineError
from hublab.machine.distribution import Distribution, describe

BOOKWORM = {
    "ID": "debian",
    "VERSION_ID": "12",
    "VERSION_CODENAME": "bookworm",
    "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
}
FORKY = {"ID": "debian", "VERSION_CODENAME": "forky", "PRETTY_NAME": "Debian GNU/Linux forky/sid"}
NOBLE = {
    "ID": "ubuntu",
    "ID_LIKE": "debian",
    "VERSION_ID": "24.04",
    "VERSION_CODENAME": "noble",
    "PRETTY_NAME": "Ubuntu 24.04.5 LTS",
}
JAMMY = {"ID": "ubuntu", "VERSION_ID": "22.04", "PRETTY_NAME": "Ubuntu 22.04 LTS"}
FEDORA = {"ID": "fedora", "VERSION_ID": "44", "PRETTY_NAME": "Fedora Linux 44"}


def machine(release: dict[str, str], *, root: bool = True, systemd: bool = False) -> Distribution:
    return describe(release, architecture="x86_64", systemd=systemd, root=root)


@pytest.mark.parametrize(
    ("release", "version", "known"),
    [
        (BOOKWORM, (12,), True),
        (FORKY, (9999,), True),
        (NOBLE, (24, 4), True),
        (JAMMY, (22, 4), False),
        (FEDORA, (44,), False),
        ({}, (9999,), False),
    ],
)
def test_release(release: dict[str, str], version: tuple[int, ...], known: bool) -> None:
    found = machine(release)
    assert found.version == version
    assert found.is_known is known


def test_an_unknown_system_is_told_what_to_install_itself() -> None:
    with pytest.raises(MachineError, match="cannot prepare Fedora Linux 44") as caught:
        machine(FEDORA).check_preparable()
    assert caught.value.hint
    assert "DOCKER_HOST" in caught.value.hint


def test_only_root_prepares() -> None:
    machine(NOBLE).check_preparable()
    with pytest.raises(MachineError, match="only root"):
        machine(NOBLE, root=False).check_preparable()
