"""A topology that names hosts and roles alone gets the rest; what it says itself stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hublab.topology.defaults import completion, services_of, with_completion
from hublab.topology.reading import TopologyErrors

ROOT = Path("/project")
SHORT = """\
services:
  jhub: {labels: {hublab.role: hub}}
  front: {labels: ["hublab.role=proxy"]}
  w1: {labels: {hublab.role: node}}
  w2: {labels: {hublab.role: node}, environment: {HUBLAB_USERS: erin}}
  desk: {labels: {hublab.role: client}, ports: ["127.0.0.1:9022:22"]}
"""


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(SHORT)
    return path


def services(*files: Path) -> dict[str, Any]:
    overlay = completion(services_of(files), ROOT)
    assert overlay is not None
    return dict(overlay["services"])


def test_images_addresses_and_keys(short: Path) -> None:
    found = services(short)
    addresses = {
        name: service["networks"]["lab"]["ipv4_address"].rpartition(".")[2]
        for name, service in found.items()
        if name != "init"
    }
    assert addresses == {"jhub": "10", "front": "20", "w1": "31", "w2": "32", "desk": "5"}
    assert found["jhub"]["image"] == "hublab-hub:${HUBLAB_TAG:-dev}"
    assert found["jhub"]["build"]["context"] == "/project"
    assert found["w2"]["volumes"] == ["w2:/etc/hublab"]
    assert found["init"]["volumes"] == [
        "jhub:/lab/hub/jhub",
        "front:/lab/proxy/front",
        "w1:/lab/node/w1",
        "w2:/lab/node/w2",
        "desk:/lab/client/desk",
    ]


def test_what_a_file_says_stays(short: Path) -> None:
    found = services(short)
    assert found["front"]["ports"] == ["127.0.0.1:${HUBLAB_PROXY_PORT:-8000}:8000"]
    assert "ports" not in found["desk"]


def test_a_hub_with_its_own_proxy(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text('services: {box: {labels: {hublab.role: "hub,proxy"}}}\n')
    found = services(path)
    assert found["box"]["image"].startswith("hublab-onebox:")
    assert found["init"]["volumes"] == ["box:/lab/hub/box", "box:/lab/proxy/box"]


def test_what_needs_nothing_gets_nothing(tmp_path: Path, short: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text("services: {hub: {image: mine, labels: {hublab.role: hub}}}\n")
    broken = tmp_path / "broken.yaml"
    broken.write_text("services: [\n")
    for files in ([whole], [broken], [tmp_path / "missing.yaml"]):
        assert completion(services_of(files), ROOT) is None
        assert with_completion(files, lambda: pytest.fail("no folder is needed"), ROOT) == (*files,)
    path = with_completion([short], lambda: tmp_path, ROOT)[1]
    assert path.read_text().startswith("services:\n  jhub:\n")


def test_a_later_file_may_bring_the_image_and_init(tmp_path: Path, short: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text(
        "services:\n"
        "  jhub: {image: mine}\n"
        "  front: !reset null\n"
        "  keys: {image: k, labels: {hublab.role: init}}\n"
    )
    assert sorted(services(short, later)) == ["desk", "front", "w1", "w2"]


def test_a_role_that_is_misspelt(short: Path, tmp_path: Path) -> None:
    """All such services, at their own lines, and nothing is written."""
    short.write_text(SHORT.replace("role: client", "role: cleint") + "  lone: {}\n")
    with pytest.raises(TopologyErrors) as failed:
        with_completion([short], lambda: pytest.fail("asked for a folder"), ROOT)
    misspelt, lone = map(str, failed.value.problems)
    assert misspelt == (
        f"{short}:6: services.desk.labels.hublab.role: unknown role 'cleint'; hint: client"
    )
    assert lone.startswith(f"{short}:7: services.lone: neither an image nor a role")
