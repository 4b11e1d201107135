"""A topology that names hosts and roles alone gets the rest; what a file says itself is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hublab.paths import COMPOSE
from hublab.roles import ROLES
from hublab.topology.defaults import overlay_text
from hublab.topology.problems import TopologyErrors

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


def overlay(*files: Path, nodes: int | None = None) -> dict[str, Any]:
    return dict(yaml.safe_load(overlay_text(files, ROOT, nodes)))


def services(*files: Path, nodes: int | None = None) -> dict[str, Any]:
    return dict(overlay(*files, nodes=nodes)["services"])


def last_part(service: dict[str, Any]) -> str:
    return str(service["networks"]["lab"]["ipv4_address"]).rpartition(".")[2]


def test_a_role_brings_image_address_and_keys(short: Path) -> None:
    found = services(short)
    addresses = {name: last_part(one) for name, one in found.items() if name != "init"}
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


def test_what_a_file_says_is_kept(short: Path) -> None:
    found = services(short)
    assert found["front"]["ports"] == ["127.0.0.1:${HUBLAB_PROXY_PORT:-8000}:8000"]
    assert "ports" not in found["desk"]


def test_a_hub_with_its_own_proxy_gets_one_image(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text('services: {box: {labels: {hublab.role: "hub,proxy"}}}\n')
    found = services(path)
    assert found["box"]["image"].startswith("hublab-onebox:")
    assert found["init"]["volumes"] == ["box:/lab/hub/box", "box:/lab/proxy/box"]


@pytest.mark.parametrize("role", [role.name for role in ROLES if role.target])
def test_every_role_with_an_image_may_stand_alone(role: str, tmp_path: Path, short: Path) -> None:
    path = tmp_path / "more.yaml"
    path.write_text(f"services: {{extra: {{labels: {{hublab.role: {role}}}}}}}\n")
    extra = services(short, path)["extra"]
    assert extra["build"]["target"] == next(one.target for one in ROLES if one.name == role)
    assert f"extra:/lab/{role}/extra" in services(short, path)["init"]["volumes"]


def test_a_proxy_answers_to_the_names_that_other_hosts_use(short: Path) -> None:
    """compose/etc/reverse-proxy/site.conf and compose/images/dns/run look for these."""
    assert services(short)["front"]["networks"]["lab"]["aliases"] == ["proxy", "hub.lab"]


def test_the_hub_waits_for_a_database_that_answers(tmp_path: Path, short: Path) -> None:
    path = tmp_path / "more.yaml"
    path.write_text("services: {db: {labels: {hublab.role: database}}}\n")
    found = services(short, path)
    assert found["db-ready"]["network_mode"] == "service:db"
    ended = {"condition": "service_completed_successfully"}
    assert found["jhub"]["depends_on"] == {"init": ended, "db-ready": ended}


@pytest.mark.parametrize(
    "overlay_name",
    [
        "nginx",
        "postgres",
        "bastion",
        "standalone",
        "browser",
        "identity-provider",
        "other-hub",
        "acme",
    ],
)
def test_the_projects_own_overlays_agree_with_the_table(overlay_name: str) -> None:
    """A host in compose/*.yaml and one that names its role alone are the same host."""
    written = yaml.safe_load((COMPOSE / f"{overlay_name}.yaml").read_text())["services"]
    rows = {role.name: role for role in ROLES}
    compared = 0
    for service in written.values():
        role = rows.get((service.get("labels") or {}).get("hublab.role", ""))
        if role is None or "build" not in service:
            continue
        compared += 1
        assert service["build"]["target"] == role.target
        assert last_part(service) == str(role.first_address)
        assert service.get("ports", []) == ([role.published.mapping] if role.published else [])
        assert {key: service[key] for key in role.service} == role.service
    assert compared


def test_lab_yaml_agrees_with_the_table() -> None:
    written = yaml.safe_load((COMPOSE / "lab.yaml").read_text())["services"]
    rows = {role.name: role for role in ROLES}
    for name in ("hub", "proxy", "node1", "client"):
        role = rows[written[name]["labels"]["hublab.role"]]
        assert written[name]["build"]["target"] == role.target
        assert last_part(written[name]) == str(role.first_address)
        ports = [role.published.mapping] if role.published else []
        assert written[name].get("ports", []) == ports
        assert {name, *written[name]["networks"]["lab"].get("aliases", [])} >= set(role.aliases)


def test_what_needs_nothing_gets_nothing(tmp_path: Path, short: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text("services: {hub: {image: mine, labels: {hublab.role: hub}}}\n")
    broken = tmp_path / "broken.yaml"
    broken.write_text("services: [\n")
    for files in ([whole], [broken], [tmp_path / "missing.yaml"]):
        assert overlay_text(files, ROOT) == ""
    assert overlay_text([short], ROOT).startswith("services:\n  jhub:\n")
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".yaml"] == []


def test_a_later_file_may_bring_the_image_and_init(tmp_path: Path, short: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text(
        "services:\n"
        "  jhub: {image: mine}\n"
        "  front: !reset null\n"
        "  keys: {image: k, labels: {hublab.role: init}}\n"
    )
    found = services(short, later)
    assert sorted(found) == ["desk", "front", "keys", "w1", "w2"]
    # Its own init makes the keys of the hosts that are completed here.
    assert "w1:/lab/node/w1" in found["keys"]["volumes"]
    assert list(found["w1"]["depends_on"]) == ["keys"]


def test_nodes_are_added_beside_those_of_the_files() -> None:
    found = services(COMPOSE / "lab.yaml", nodes=4)
    assert sorted(found) == ["init", "node3", "node4"]
    assert [last_part(found[name]) for name in ("node3", "node4")] == ["33", "34"]
    assert found["node4"]["labels"] == {"hublab.role": "node"}
    assert found["init"] == {"volumes": ["node3:/lab/node/node3", "node4:/lab/node/node4"]}
    assert sorted(overlay(COMPOSE / "lab.yaml", nodes=4)) == ["services", "volumes"]


def test_no_node_takes_the_address_of_another_host() -> None:
    found = services(COMPOSE / "lab.yaml", COMPOSE / "postgres.yaml", nodes=12)
    addresses = [last_part(found[f"node{number}"]) for number in range(3, 13)]
    assert addresses == [str(number) for number in range(33, 44) if number != 40]


def write(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text)
    return path


ROLES_ALONE = (
    "services:\n"
    "  jhub: {labels: {hublab.role: hub}}\n"
    "  front: {labels: {hublab.role: proxy}}\n"
    "  w1: {labels: {hublab.role: node}}\n"
    "  desk: {labels: {hublab.role: client}}\n"
)


@pytest.mark.parametrize(
    ("network", "address", "added"),
    [
        ("{internal: true}", "${HUBLAB_SUBNET:-198.18.0}.10", True),
        ("", "${HUBLAB_SUBNET:-198.18.0}.10", True),
        ("{ipam: {config: [{subnet: 198.18.9.0/24}]}}", "198.18.9.10", False),
    ],
)
def test_a_file_may_define_the_labs_network_itself(
    tmp_path: Path, network: str, address: str, added: bool
) -> None:
    """Hosts are in the subnet that the file has; without one the network gets the usual subnet."""
    path = write(tmp_path, f"{ROLES_ALONE}networks:\n  lab: {network}\n")
    whole = overlay(path)
    assert whole["services"]["jhub"]["networks"]["lab"]["ipv4_address"] == address
    assert ("networks" in whole) == added


def test_added_nodes_join_the_hubs_network(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "services:\n"
        "  hub:\n"
        "    {image: h, labels: {hublab.role: hub}, networks: {net: {ipv4_address: 198.18.5.10}}}\n"
        "  keys: {image: k, labels: {hublab.role: init}}\n"
        "networks: {net: {ipam: {config: [{subnet: 198.18.5.0/24}]}}}\n",
    )
    whole = overlay(path, nodes=2)
    addresses = [whole["services"][f"node{n}"]["networks"] for n in (1, 2)]
    assert addresses == [{"net": {"ipv4_address": f"198.18.5.3{n}"}} for n in (1, 2)]
    assert "networks" not in whole


def test_a_network_without_a_24_gives_no_address(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "services:\n"
        "  hub: {image: h, labels: {hublab.role: hub}, networks: [net]}\n"
        "  w: {labels: {hublab.role: node}}\n"
        "networks: {net: {driver: bridge}}\n",
    )
    with pytest.raises(TopologyErrors) as failed:
        overlay_text([path], ROOT)
    assert f"{path}:3: services.w: no address is left for this host" in str(failed.value)


def test_more_hosts_than_addresses_is_a_problem_of_the_file(tmp_path: Path) -> None:
    nodes = "".join(f"  w{n}: {{labels: {{hublab.role: node}}}}\n" for n in range(230))
    path = write(tmp_path, f"services:\n{nodes}")
    with pytest.raises(TopologyErrors) as failed:
        overlay_text([path], ROOT)
    assert len(failed.value.problems) == 230 - (255 - 31)


def test_names_of_the_users_own_services_are_left_alone(tmp_path: Path) -> None:
    """The overlay's own services, init and the one that waits, get a name that is free."""
    path = write(
        tmp_path,
        ROLES_ALONE + "  db: {labels: {hublab.role: database}}\n"
        "  db-ready: {image: mine, network_mode: 'service:db'}\n"
        "  init: {image: mine, network_mode: 'service:jhub'}\n",
    )
    found = services(path)
    assert {"db-ready", "init"}.isdisjoint(found)
    assert found["db-ready2"]["command"] == ["/opt/hublab/ready"]
    assert found["init2"]["labels"] == {"hublab.role": "init"}
    assert set(found["jhub"]["depends_on"]) == {"init2", "db-ready2"}


def test_a_misspelt_role_is_found_at_its_line(short: Path, tmp_path: Path) -> None:
    short.write_text(SHORT.replace("role: client", "role: cleint") + "  lone: {}\n")
    with pytest.raises(TopologyErrors) as failed:
        overlay_text([short], ROOT)
    misspelt, lone = map(str, failed.value.problems)
    assert misspelt == (
        f"{short}:6: services.desk.labels.hublab.role: unknown role 'cleint'; hint: client"
    )
    assert lone.startswith(f"{short}:7: services.lone: neither an image nor a role")
