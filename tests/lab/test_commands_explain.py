"""`explain`, `graph` and `export` with a real engine; the exported file runs without hublab."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lifecycle import fresh_name, hublab, lab_for_a_test, wait

from hublab.engine import Engine


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    with lab_for_a_test() as name:
        yield name


def explained(lab: str, setting: str) -> Any:
    done = hublab("explain", setting, "--json", "--name", lab)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("setting", "kind", "default", "hosts", "file"),
    [
        ("hub.JupyterHub.hub_connect_ip", "Unicode", "''", ["hub"], "settings.json"),
        ("hub.Spawner.http_timeout", "Int", "30", ["hub"], "settings.json"),
        ("server.ServerApp.allow_origin", "Unicode", "''", ["node1", "node2"], "settings.json"),
        ("proxy.proxy-timeout", "option", None, ["proxy"], "proxy.args"),
        ("sshd.maxsessions", "keyword", "10", ["node1", "node2"], "sshd.conf"),
        ("hub.snippet", "Python file", None, ["hub"], "snippet.py"),
    ],
)
def test_what_the_software_says(
    lab: str, setting: str, kind: str, default: str | None, hosts: list[str], file: str
) -> None:
    said = explained(lab, setting)
    assert (said["key"], said["type"], said["default"]) == (setting, kind, default)
    assert (said["hosts"], said["file"]) == (hosts, f"/etc/hublab/{file}")
    assert said["help"]
    assert said["restarts"]


def test_what_the_lab_itself_sets(lab: str) -> None:
    """The base configuration's value, where it differs from the default; never a secret."""
    assert explained(lab, "hub.JupyterHub.hub_connect_ip")["lab_sets"] == "hub"
    assert explained(lab, "hub.JupyterHub.hub_connect_url")["lab_sets"] is None
    password = explained(lab, "hub.SharedPasswordAuthenticator.user_password")
    assert password["lab_sets"] == "(hidden)"


def test_a_class_lists_its_traits(lab: str) -> None:
    keys = {one["key"] for one in explained(lab, "hub.SSHSpawner")}
    assert {"hub.SSHSpawner.hosts", "hub.SSHSpawner.cmd", "hub.SSHSpawner.http_timeout"} <= keys
    assert len(explained(lab, "sshd")) > 50
    assert "proxy.error-target" in {one["key"] for one in explained(lab, "proxy")}


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("hub.JupyterHub.hub_conect_ip", "hub.JupyterHub.hub_connect_ip"),
        ("hub.JupiterHub", "hub.JupyterHub"),
        ("server.ServerApp.alow_origin", "server.ServerApp.allow_origin"),
        ("proxy.proxy-timout", "proxy.proxy-timeout"),
        ("sshd.MaxSession", "sshd.maxsessions"),
        ("JupyterHub.ip", "hub.JupyterHub.ip"),
    ],
)
def test_near_misses(lab: str, wrong: str, near: str) -> None:
    done = hublab("explain", wrong, "--name", lab)
    assert (done.returncode, done.stdout) == (64, "")
    assert near in done.stderr


def test_the_picture_of_a_running_lab_has_its_addresses(lab: str) -> None:
    ps = json.loads(hublab("ps", "--json", "--name", lab).stdout)
    text = hublab("graph", "--name", lab).stdout
    assert text.startswith("flowchart LR\n")
    for host in ps["hosts"]:
        assert f"{host['name']}<br>{host['role']}<br>{host['address']}" in text


def test_an_exported_lab_runs_without_hublab(tmp_path: Path) -> None:
    """Its setting holds, for the hub alone to read; the address in its head leads to the hub."""
    name = fresh_name()
    setting = "hub.JupyterHub.base_url=/base/"
    done = hublab("export", str(tmp_path), "--name", name, "--set", setting)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "compose.yaml"
    assert done.stdout.strip() == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    made = yaml.safe_load(file.read_text())
    assert not any("build" in service for service in made["services"].values())
    url = re.search(r"http://127\.0\.0\.1:\d+/base/", file.read_text())
    assert url
    compose = ["docker", "compose", "--file", str(file)]
    try:
        subprocess.run([*compose, "up", "--detach"], check=True, capture_output=True, timeout=120)
        wait(
            lambda: answers(f"{url[0]}hub/api"),
            60,
            lambda: (
                subprocess.run(
                    [*compose, "logs", "hub"], capture_output=True, text=True, check=False
                ).stdout
            ),
        )
        argv = ["exec", "hub", "stat", "-c", "%a %U", "/etc/hublab/case.json"]
        argv.append("/etc/hublab/settings.json")
        modes = subprocess.run([*compose, *argv], capture_output=True, text=True, check=True)
        assert modes.stdout.splitlines() == ["600 jupyterhub"] * 2
    finally:
        down = [*compose, "down", "--volumes", "--timeout", "1"]
        subprocess.run(down, check=False, capture_output=True, timeout=120)
    assert not Engine.connect().leftovers(made["name"])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def test_an_export_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("mine")
    done = hublab("export", str(tmp_path), "--name", fresh_name())
    assert (done.returncode, done.stdout) == (64, "")
    assert "hint: --force" in done.stderr
    assert (tmp_path / "compose.yaml").read_text() == "mine"


def test_a_setting_that_is_none_exports_nothing(tmp_path: Path) -> None:
    argv = ("--set", "hub.JupyterHub.bse_url=/x/")
    done = hublab("export", str(tmp_path / "new"), "--name", fresh_name(), *argv)
    assert (done.returncode, done.stdout) == (64, "")
    assert "hub.JupyterHub.base_url" in done.stderr
    assert not (tmp_path / "new").exists()
