"""Topologies that Compose accepts and that no lab may be made from, or can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hublab.deployment.compose_problems import compose_problem
from hublab.engine.compose import without_warnings
from hublab.errors import TopologyError
from hublab.topology.isolation import isolation_problems
from hublab.topology.positions import Position
from hublab.topology.startable import service_problems, start_problems

ROOT = Path(__file__).parents[2]


class Loader(yaml.SafeLoader):
    """Reads a file with tags of Compose's own, such as !reset."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def test_a_file_that_is_not_yaml_is_the_one_that_is_named(tmp_path: Path) -> None:
    """Compose's own words for the second of these files: no name, and line 1."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("services:\n  hub:\n    image: x\n")
    bad.write_text("services:\n  hub:\n    image: x\n   proxy: {}\n")
    with pytest.raises(TopologyError, match="not YAML") as refused:
        compose_problem("yaml: line 1: did not find expected key", [good, bad])
    assert refused.value.where == f"{bad}:4"


def of_service(**service: Any) -> dict[str, Any]:
    return {
        "services": {
            "jhub": {"image": "hublab-hub:dev", "labels": {"hublab.role": "hub"}, **service}
        }
    }


@pytest.mark.parametrize("source", ["/var/run/docker.sock", "/", "/etc", "/proc/sys", "/root/"])
def test_mounts_that_hand_the_machine_over_are_refused(source: str) -> None:
    mount = {"type": "bind", "source": source, "target": "/there"}
    found = list(isolation_problems(of_service(volumes=[mount])))
    assert [path for path, _, _ in found] == [("services", "jhub", "volumes", "/there")]


def test_other_mounts_stay(tmp_path: Path) -> None:
    mount = {"type": "bind", "source": str(tmp_path), "target": "/there"}
    assert not list(isolation_problems(of_service(volumes=[mount])))


def test_what_up_cannot_start_is_refused(tmp_path: Path) -> None:
    config = of_service(command=["jupyterhub"], deploy={"replicas": 2})
    config["secrets"] = {"oauth": {"file": str(tmp_path / "none")}}
    paths = [path for path, _, _ in start_problems(config)]
    assert paths == [
        ("secrets", "oauth", "file"),
        ("services", "jhub", "command"),
        ("services", "jhub", "deploy"),
    ]


def test_a_missing_file_of_variables_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("services:\n  jhub:\n    env_file: [secrets/hub.env]\n")
    said = f"env file {tmp_path}/secrets/hub.env not found: stat: no such file"
    problem = compose_problem(said, [path])
    assert problem.position
    assert problem.position.line == 3
    assert problem.reason == f"there is no file {tmp_path}/secrets/hub.env"


@pytest.mark.parametrize("text", ["hub: {image: jupyterhub}\n", "a: {}\nb: {}\n"])
def test_a_file_of_the_first_format_lacks_its_services(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    said = f"validating {path}: (root) Additional property {text[0]} is not allowed"
    problem = compose_problem(said, [path])
    assert (problem.path, problem.position) == ("services", Position(path, 1))
    assert "no services: key" in problem.reason


def test_another_unknown_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("services: {}\nhubs: {}\n")
    problem = compose_problem("(root) Additional property hubs is not allowed", [path])
    assert (problem.path, problem.position) == ("hubs", Position(path, 2))


def test_the_cause_alone_without_warnings() -> None:
    said = 'time="x" level=warning msg="not set"\nenv file a not found'
    assert without_warnings(said) == "env file a not found"
    assert without_warnings('level=warning msg="b"') == 'level=warning msg="b"'


@pytest.mark.parametrize(
    "file", sorted((ROOT / "compose").glob("*.yaml")), ids=lambda file: file.stem
)
def test_the_labs_own_files_can_be_started(file: Path) -> None:
    services = yaml.load(file.read_text(), Loader)["services"]
    labelled = [(name, one) for name, one in services.items() if one and "labels" in one]
    assert [list(service_problems(name, one)) for name, one in labelled] == [[] for _ in labelled]


def test_a_mount_whose_variable_is_not_set_is_told_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text('services:\n  jhub:\n    volumes:\n      - "${EXTENSION}:/ext"\n')
    problem = compose_problem("invalid spec: :/ext: empty section between colons", [path])
    assert str(problem.position) == f"{path}:4"
    assert "variable" in problem.reason


def test_a_file_of_variables_that_several_services_lack_is_told_at_the_first(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("services:\n  a: {env_file: .env}\n  b:\n    env_file: .env\n")
    problem = compose_problem(f"env file {tmp_path}/.env not found: stat: no such file", [path])
    assert str(problem.position) == f"{path}:2"
