"""validate, graph, export and completion: what needs neither engine nor image."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from hublab.cli import cli
from hublab.deployment.compose_problems import path_and_reason
from hublab.deployment.export import compose_file, machine_paths
from hublab.settings.values import Settings
from hublab.topology.graph import as_mermaid, as_svg, graph_of
from hublab.topology.model import Host, Topology

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

OWN = (
    "request",
    "websocket",
    "routes",
    "activity",
    "db",
    "events",
    "explain",
    "validate",
    "graph",
    "export",
    "completion",
)


@pytest.mark.parametrize("verb", OWN)
def test_help_has_examples(verb: str) -> None:
    done = CliRunner().invoke(cli, [verb, "--help"])
    assert done.exit_code == 0
    assert f"  hublab {verb}" in done.output or f"hublab {verb} " in done.output
    assert "Examples:" in done.output


def bad_file(folder: Path, text: str) -> Path:
    path = folder / "bad.yaml"
    path.write_text(text)
    return path


def validate(*files: Path) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "hublab", "validate", *map(str, files)],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": "/root", **NO_ENGINE},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_several_files_that_are_not_there(tmp_path: Path) -> None:
    code, lines = validate(tmp_path / "a", tmp_path / "b")
    assert code == 64
    assert [line.endswith("there is no such file") for line in lines] == [True, True]


def test_paths_that_composes_messages_name() -> None:
    assert path_and_reason("services.a.b Additional property c is not allowed")[0] == (
        *("services", "a", "b"),
        "c",
    )
    assert path_and_reason('service "a" depends on undefined service z: invalid')[0] == (
        *("services", "a"),
        *("depends_on", "z"),
    )
    assert path_and_reason("anything else") == ((), "anything else")


def hosts(*roles: str) -> Topology:
    made = tuple(
        Host(f'{role}"<&]', role, f"198.18.0.{n}", role, "x", {"lab": f"198.18.0.{n}"})
        for n, role in enumerate(roles, 10)
    )
    return Topology(made, {"lab": "198.18.0.0/24"})


def test_names_are_escaped_in_both_formats() -> None:
    graph = graph_of(hosts("client", "proxy", "hub", "node"), "x", {'node"<&]': ["alice :1"]})
    text = as_mermaid(graph)
    assert 'h3["node#34;#60;#38;#93;<br>node<br>198.18.0.13<br>alice :1"]' in text
    root = ET.fromstring(as_svg(graph))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert 'hub"<&]' in texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) == 4


def test_boxes_do_not_overlap_and_fit() -> None:
    roles = ("client", "browser", "proxy", "hub", "bastion", "database", *["node"] * 8)
    root = ET.fromstring(as_svg(graph_of(hosts(*roles[:6]), "x")))
    rects = [
        tuple(float(r.get(k, "0")) for k in ("x", "y", "width", "height"))
        for r in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    for i, (x, y, w, h) in enumerate(rects):
        assert x + w <= float(root.get("width", "0"))
        assert y + h <= float(root.get("height", "0"))
        for x2, y2, w2, h2 in rects[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_a_bastion_stands_between_hub_and_node() -> None:
    arrows = {
        (a.source[:3], a.target[:3], a.label)
        for a in graph_of(hosts("proxy", "hub", "bastion", "node"), "x").arrows
    }
    assert ("hub", "bas", "SSH") in arrows
    assert ("bas", "nod", "SSH") in arrows
    assert ("hub", "nod", "SSH") not in arrows


def test_a_plain_file_has_settings_and_no_build() -> None:
    config = {
        "name": "p",
        "services": {
            "hub": {
                "build": {"context": "/x"},
                "image": "hub:1",
                "command": None,
                "labels": {"hublab.role": "hub"},
                "volumes": [{"type": "bind", "source": "/x", "target": "/y"}],
            }
        },
        "networks": {"lab": {"name": "p_lab", "ipam": {}}},
        "secrets": {"ca": {"file": "/x"}},
    }
    settings = Settings({"hub.JupyterHub.default_url": "/$HOME"})
    text = compose_file(config, "q", {"hub": "hub:2"}, settings)
    made = yaml.safe_load(text)
    hub = made["services"]["hub"]
    assert hub["image"] == "hub:2"
    assert "build" not in hub
    assert "command" not in hub
    assert made["networks"] == {"lab": {"ipam": {}}}
    assert "secrets" not in made
    files = {
        entry["target"]: made["configs"][entry["source"]]["content"] for entry in hub["configs"]
    }
    assert json.loads(files["/etc/hublab/settings.json"].replace("$$", "$")) == {
        "JupyterHub": {"default_url": "/$HOME"}
    }
    assert {(one["uid"], one["gid"], one["mode"]) for one in hub["configs"]} == {
        ("990", "990", 0o600)  # as in a lab: settings may hold tokens
    }
    assert "mode: 0600\n" in text
    assert "/$HOME" not in text.replace("$$HOME", "")
    assert machine_paths(config) == ["hub: /x"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_our_command(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    if "version" in done.output and shell == "bash" and done.exit_code:
        pytest.skip("no bash that the library knows")
    assert "_HUBLAB_COMPLETE" in done.output
