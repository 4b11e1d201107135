"""Debian's mirrors, read from what `apt-get indextargets` prints on real machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from hublab.machine import sources
from hublab.machine.distribution import Distribution, describe
from hublab.machine.sources import Mirrors, mirrors_from, parse_targets, plain_uri

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
NOBLE = {"ID": "ubuntu", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble"}


def machine(release: dict[str, str], *, root: bool = True, systemd: bool = False) -> Distribution:
    return describe(release, architecture="x86_64", systemd=systemd, root=root)


def stanza(uri: str, release: str, component: str = "main", origin: str | None = "Debian") -> str:
    lines = [
        "MetaKey: main/binary-amd64/Packages",
        f"Description: {uri} {release}/{component} amd64 Packages",
        f"Component: {component}",
        *([f"Origin: {origin}"] if origin else []),
        f"Release: {release}",
        f"Repo-URI: {uri}",
        "Fallback-Of: ",
    ]
    return "\n".join(lines) + "\n"


FULL = "\n".join(
    [
        stanza("http://third.example/debian/", "bookworm", origin="Somebody"),
        stanza("http://mirror.example/debian/", "bookworm-updates"),
        stanza("http://mirror.example/debian/", "bookworm", component="contrib"),
        stanza("http://mirror.example/debian/", "bookworm"),
        stanza("http://other.example/debian/", "bookworm"),
        stanza("http://safe.example/debian-security/", "bookworm-security"),
    ]
)


def test_stanzas_become_fields() -> None:
    first, *rest = parse_targets(FULL)
    assert first["Repo-URI"] == "http://third.example/debian/"
    assert first["Fallback-Of"] == ""
    assert len(rest) == 5


def test_the_first_source_of_debians_own_counts() -> None:
    assert mirrors_from(parse_targets(FULL), "bookworm") == Mirrors(
        "http://mirror.example/debian", "http://safe.example/debian-security"
    )


def test_no_source_of_this_release() -> None:
    assert mirrors_from(parse_targets(FULL), "trixie") is None
    assert mirrors_from(parse_targets(""), "bookworm") is None


def test_a_machine_that_never_fetched_lists_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def ask(argv: list[str]) -> str:
        asked.append(argv)
        bare = stanza("http://mirror.example/debian/", "bookworm", origin=None)
        return bare if "--no-release-info" in argv else ""

    monkeypatch.setattr(sources, "output_of", ask)
    assert sources.debian_mirror(machine(BOOKWORM)) == Mirrors("http://mirror.example/debian")
    assert len(asked) == 2


def test_ubuntu_has_no_debian_mirror() -> None:
    assert sources.debian_mirror(machine(NOBLE)) is None


def test_a_mirror_list_is_replaced_by_its_first_entry(tmp_path: Path) -> None:
    listed = tmp_path / "debian.list"
    listed.write_text("\nhttps://near.example/debian\tpriority:1\nhttp://far.example/debian\n")
    assert plain_uri(f"mirror+file:{listed}/") == "https://near.example/debian"
    assert plain_uri(f"mirror+file:{tmp_path}/none") is None
    assert plain_uri("cdrom:[Debian 12]/") is None


def test_lines_of_a_suite() -> None:
    mirrors = Mirrors("http://a.example/debian", "http://s.example/debian-security")
    assert mirrors.lines("trixie", "[signed-by=/k]") == [
        "deb [signed-by=/k] http://a.example/debian trixie main",
        "deb [signed-by=/k] http://a.example/debian trixie-updates main",
        "deb [signed-by=/k] http://s.example/debian-security trixie-security main",
    ]
