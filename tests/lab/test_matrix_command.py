"""`hublab matrix` on a real lab: a value with which nobody is served is a result like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hublab.paths import ROOT

TRIED = (
    "--axis", "hub.JupyterHub.hub_connect_ip=hub,127.0.0.1",
    "--axis", "server.ServerApp.allow_origin=http://app.lab",
    "--probe", "sign-in", "--probe", "spawn", "--probe", "origin", "--probe", "reach",
    "--request", "/hub/api/ --origin http://app.lab",
)  # fmt: skip


def matrix(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hublab", "matrix", *words],
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_matrix_and_its_table_once_more() -> None:
    """Expected are the words of scenarios/cross_host (hub_connect_ip) and scenarios/origin."""
    done = matrix(*TRIED, "--json")
    assert done.returncode == 0, done.stderr
    works, broken = json.loads(done.stdout)["rows"]
    assert works["cells"]["sign-in"]["short"] == "ok"
    assert works["cells"]["spawn"]["short"] == "ready"
    assert works["cells"]["origin"]["short"] == "readable"
    assert works["cells"]["reach"]["ok"]
    assert broken["cells"]["sign-in"]["short"] == "503"
    assert "Connection refused" in broken["cells"]["spawn"]["detail"]
    assert broken["cells"]["origin"]["short"] == "no server"
    assert "hub.JupyterHub.hub_connect_ip" in broken["cells"]["reach"]["detail"]
    assert "case 2 of 2" in done.stderr

    again = matrix(*TRIED, "--resume", "--md")
    assert again.returncode == 0, again.stderr
    assert "bringing up" not in again.stderr
    assert "**503**" in again.stdout
    kept = ROOT / "evidence" / "matrix"
    assert any(works["id"] in path.read_text() for path in Path(kept).glob("*.json"))


def test_a_misspelt_setting_costs_no_lab() -> None:
    done = matrix("--axis", "hub.JupyterHub.hub_conect_ip=a,b")
    assert done.returncode == 64
    assert "hub.JupyterHub.hub_connect_ip" in done.stderr
    assert "bringing up" not in done.stderr
