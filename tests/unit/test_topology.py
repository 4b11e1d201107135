"""Topologies: the hosts of good files, and every fault of bad ones with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hublab.errors import TopologyError
from hublab.topology.model import Host, Topology
from hublab.topology.problems import TopologyErrors
from hublab.topology.reading import read_topology

LAB_FILE = Path(__file__).parents[2] / "compose" / "lab.yaml"

GOOD = """\
name: ${HUBLAB_NAME:-hublab}
x-host: &host
  image: base
services:
  init:
    image: tools
    labels: {hublab.role: init}
    network_mode: none
  hub:
    <<: *host
    labels: {hublab.role: hub}
    networks: {lab: {ipv4_address: "${HUBLAB_SUBNET:-198.18.0}.10"}}
  proxy:
    <<: *host
    labels:
      - hublab.role=proxy
    networks:
      lab:
        ipv4_address: ${HUBLAB_SUBNET:-198.18.0}.20
    ports:
      - 127.0.0.1:${PORT:-8000}:8000
  node1: &node
    labels: {hublab.role: node}
    networks:
      lab: {ipv4_address: "${HUBLAB_SUBNET:-198.18.0}.31"}
  client:
    labels: {hublab.role: client}
    networks:
      lab: {ipv4_address: "${HUBLAB_SUBNET:-198.18.0}.50"}
  capture:
    network_mode: service:hub
networks:
  lab:
    ipam: {config: [{subnet: "${HUBLAB_SUBNET:-198.18.0}.0/24"}]}
"""


def rendered(*texts: str) -> dict[str, Any]:
    """What Compose makes of these files, as far as a topology goes."""
    config: dict[str, Any] = {}
    for text in texts:
        filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        _merge(config, _normal(yaml.safe_load(filled)))
    return config


def _normal(config: dict[str, Any]) -> dict[str, Any]:
    for service in (config.get("services") or {}).values():
        if isinstance(labels := service.get("labels"), list):
            service["labels"] = dict(label.split("=", 1) for label in labels)
        if isinstance(networks := service.get("networks"), list):
            service["networks"] = dict.fromkeys(networks)
        service["ports"] = [_port(port) for port in service.get("ports", [])]
        service["volumes"] = [_volume(volume) for volume in service.get("volumes", [])]
    return config


def _port(port: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(port, dict):
        return port
    *host, published, target = port.split(":")
    number, _, protocol = target.partition("/")
    long = {"target": int(number), "published": published, "protocol": protocol or "tcp"}
    return {**long, **({"host_ip": host[0]} if host else {})}


def _volume(volume: str) -> dict[str, str]:
    source, target = volume.split(":")
    return {"type": "volume", "source": source, "target": target}


def _merge(base: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


class Files:
    """Compose files in a directory, read as a topology."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, *texts: str) -> Topology:
        files = [self.directory / f"{n}.yaml" for n in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        return read_topology(rendered(*texts), files)

    def problems(self, *texts: str) -> list[str]:
        with pytest.raises(TopologyErrors) as caught:
            self.read(*texts)
        return [str(one).removeprefix(f"{self.directory}/") for one in caught.value.problems]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the file"
    return text.replace(old, new)


def line_of(part: str, text: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_roles_addresses_and_helpers_of_a_valid_file_are_read() -> None:
    config = rendered(GOOD)
    config["services"] = dict(sorted(config["services"].items()))  # as Compose prints them
    topology = read_topology(config, [])
    assert [(host.name, host.role, host.address) for host in topology.hosts] == [
        ("hub", "hub", "198.18.0.10"),
        ("proxy", "proxy", "198.18.0.20"),
        ("node1", "node", "198.18.0.31"),
        ("client", "client", "198.18.0.50"),
    ]
    assert topology.hub.image == "base"
    assert topology.subnets == {"lab": "198.18.0.0/24"}
    assert (topology.inits, topology.sidecars) == (("init",), ("capture",))


def test_the_projects_own_topology_is_valid() -> None:
    topology = read_topology(rendered(LAB_FILE.read_text()), [LAB_FILE])
    assert [host.name for host in topology.by_role("node")] == ["node1", "node2"]


KEYS = """\
services:
  init: {volumes: ["hub:/lab/hub/hub", "p:/lab/proxy/front"]}
  hub: {volumes: ["hub:/etc/hublab"]}
  proxy:
    volumes:
      - p:/etc/hublab
  node1: {volumes: ["n:/etc/hublab"]}
"""


def test_init_and_a_host_share_a_volume_under_the_host_s_name(files: Files) -> None:
    assert files.problems(GOOD, KEYS) == [
        "1.yaml:6: services.proxy.volumes./etc/hublab: the host reads its keys from the volume p, "
        "and init does not mount it; hint: p:/lab/proxy/proxy among the volumes of init",
        "1.yaml:7: services.node1.volumes./etc/hublab: the host reads its keys from the volume n, "
        "and init does not mount it; hint: n:/lab/node/node1 among the volumes of init",
    ]
    repaired = KEYS.replace("proxy/front", 'proxy/proxy", "n:/lab/node/node1')
    assert files.read(GOOD, repaired).hub.name == "hub"


ONEBOX = """\
services:
  hub:
    labels: {hublab.role: "hub, proxy"}
"""


def test_hub_and_proxy_may_share_a_host(files: Files) -> None:
    text = changed("hublab.role=proxy", "hublab.role=node")
    topology = files.read(text, ONEBOX)
    assert topology.hub.roles == ("hub", "proxy")
    assert topology.by_role("proxy") == (topology.hub,)


def test_hosts_may_have_any_name(files: Files) -> None:
    text = GOOD.replace("  hub:\n", "  jhub:\n").replace("  node1:", "  w1:")
    topology = files.read(text.replace("service:hub", "service:jhub"))
    assert [host.name for host in topology.hosts] == ["jhub", "proxy", "w1", "client"]


def test_the_network_with_the_highest_priority_comes_first(files: Files) -> None:
    overlay = """\
services:
  hub:
    networks:
      back: {ipv4_address: 198.18.1.10, priority: 5}
networks:
  back:
    ipam: {config: [{subnet: "fd00::/64"}, {subnet: 198.18.1.0/24}]}
"""
    addresses = {"back": "198.18.1.10", "lab": "198.18.0.10"}
    assert files.read(GOOD, overlay).hub == Host(
        "hub", "hub", "198.18.1.10", "hub", "base", addresses
    )


@pytest.mark.parametrize(
    ("old", "new", "line_with", "expected"),
    [
        (
            "labels: {hublab.role: hub}",
            "labels: {hublab.role: hbu}",
            "role: hbu",
            "services.hub.labels.hublab.role: unknown role 'hbu'; hint: hub",
        ),
        (
            "- hublab.role=proxy",
            "- hublab.role=prxy",
            "role=prxy",
            "services.proxy.labels.hublab.role: unknown role 'prxy'; hint: proxy",
        ),
        (
            "labels: {hublab.role: client}",
            "labels: {hublab.rol: client}",
            "hublab.rol: client",
            "services.client.labels.hublab.rol: the service has no role",
        ),
        (
            "    labels: {hublab.role: client}\n",
            "",
            "client:",
            "services.client: the service has no role",
        ),
        (
            'node1: &node\n    labels: {hublab.role: node}',
            'node1: &node\n    labels: {hublab.role: hub}',
            "hublab.role: hub}\n    networks:\n      lab",
            "services.node1.labels.hublab.role: a second hub, besides hub",
        ),
        (
            'node1: &node\n    labels: {hublab.role: node}',
            'node1: &node\n    labels: {hublab.role: proxy}',
            "hublab.role: proxy}\n    networks:\n      lab",
            "services.node1.labels.hublab.role: a second proxy, besides proxy; hint: "
            "one proxy, whose routes the hub sets; a proxy in front of it is a reverse-proxy",
        ),
        (
            "labels: {hublab.role: client}",
            'labels: {hublab.role: "client,node"}',
            "client,node",
            "these roles cannot share a host: client,node; hint: hub,proxy",
        ),
        (
            ".50",
            ".31",
            '.31"}\n  capture',
            "client.networks.lab.ipv4_address: 198.18.0.31 is already the address of node1",
        ),
        (
            "${HUBLAB_SUBNET:-198.18.0}.20",
            "198.18.9.20",
            "198.18.9.20",
            "networks.lab.ipv4_address: 198.18.9.20 is outside its network's subnet 198.18.0.0",
        ),
        (".50", ".1", '.1"}', "198.18.0.1 is reserved"),
        (".50", ".x", '.x"}', "'198.18.0.x' is not an IPv4 address"),
        (
            '{ipv4_address: "${HUBLAB_SUBNET:-198.18.0}.50"}',
            "",
            "lab: \n  capture",
            "services.client.networks.lab.ipv4_address: a host needs a fixed address",
        ),
        (
            "127.0.0.1:${PORT:-8000}:8000",
            "${PORT:-8000}:8000",
            "- ${PORT",
            "proxy.ports.8000: port 8000 is published on every address of this machine; "
            "hint: 127.0.0.1:8000:8000",
        ),
        (
            "- 127.0.0.1:${PORT:-8000}:8000",
            '- {target: 8000, host_ip: 0.0.0.0, published: "80"}',
            "- {target",
            "port 8000 is published on 0.0.0.0 of this machine; hint: 127.0.0.1:80:8000",
        ),
        (
            "network_mode: service:hub",
            "networks: [other]",
            "networks:\n  lab:\n    ipam",
            "networks.other: no subnet for the fixed addresses of capture",
        ),
    ],
)  # fmt: skip
def test_each_problem_names_its_line(
    files: Files, old: str, new: str, line_with: str, expected: str
) -> None:
    text = changed(old, new)
    problems = files.problems(text)
    matching = [problem for problem in problems if expected in problem]
    assert matching, problems
    assert matching[0].startswith(f"0.yaml:{line_of(line_with, text)}: ")


def test_a_subnet_outside_the_labs_range_is_refused(files: Files) -> None:
    text = GOOD.replace("198.18.0", "10.1.2")
    (problem,) = files.problems(text)
    at = line_of("ipam", text)
    assert problem.startswith(
        f"0.yaml:{at}: networks.lab.ipam.config: "
        "the subnet 10.1.2.0/24 is outside the range for labs"
    )


def test_missing_roles_are_all_named(files: Files) -> None:
    problems = files.problems("services:\n  x:\n    network_mode: service:y\n")
    assert [p.split(";")[0] for p in problems] == [
        f"0.yaml:1: services: no service is the {role}"
        for role in ("hub", "proxy", "node", "client")
    ]


def test_all_problems_are_reported_at_once_in_the_order_of_lines(files: Files) -> None:
    text = changed("labels: {hublab.role: client}", "labels: {hublab.role: clint}")
    text = changed("127.0.0.1:$", "$", text)
    text = changed(".50", ".31", text)
    lines = [int(problem.split(":")[1]) for problem in files.problems(text)]
    assert len(lines) == 4  # the role, no client, the address, the port
    assert lines == sorted(lines)


def test_a_problem_is_placed_in_the_last_file_that_has_it(files: Files) -> None:
    overlay = "services:\n  client:\n    networks:\n      lab: {ipv4_address: 198.18.0.10}\n"
    (problem,) = files.problems(GOOD, overlay)
    assert problem.startswith("1.yaml:4: services.client.networks.lab.ipv4_address")
    (problem,) = files.problems(changed(".50", ".10"), "services: {client: {tty: true}}\n")
    assert problem.startswith("0.yaml:")


def test_an_address_inside_an_anchor_is_found(files: Files) -> None:
    node2 = "  node2: {<<: *node}\n  client:\n"
    text = changed("  client:\n", node2)
    (problem,) = files.problems(text)
    assert "services.node2.networks.lab.ipv4_address: 198.18.0.31 is already" in problem
    assert problem.startswith(f"0.yaml:{line_of('.31', text)}: ")


def test_unreadable_files_are_refused(files: Files, tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"No such file(.|\n)*where: .*none\.yaml"):
        read_topology({}, [tmp_path / "none.yaml"])
    (tmp_path / "bad.yaml").write_text("services:\n  hub: [\n")
    with pytest.raises(TopologyError, match=r"not YAML(.|\n)*bad\.yaml:3"):
        read_topology({}, [tmp_path / "bad.yaml"])


def test_an_empty_file_lacks_every_role_from_its_first_line(files: Files) -> None:
    with pytest.raises(TopologyErrors, match="no service is the hub"):
        read_topology({}, [])
    assert files.problems("{}")[0].startswith("0.yaml:1: services: no service is the hub")
