"""`hublab matrix` on a real lab: a value with which nobody is served is a result like any other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from decision_tables import wrong_answers
from lifecycle import Running, fresh_name, hublab
from report_reader import Elements

from hublab.engine import Engine
from hublab.paths import ROOT

APP = "http://app.lab"
TRIED = (
    "--axis", f'server.ServerApp.allow_origin=["","{APP}"]',
    "--axis", "hub.JupyterHub.hub_connect_ip=hub,127.0.0.1",
    "--probe", "sign-in", "--probe", "spawn", "--probe", "origin", "--probe", "reach",
    "--probe", "websocket", "--probe", "hub-origin", "--request", f"/hub/api/ --origin {APP}",
)  # fmt: skip


def matrix(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hublab", "matrix", *words],
        capture_output=True,
        text=True,
        timeout=900,
    )


def rows_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["rows"])


def test_a_matrix_and_its_table_once_more(tmp_path: Path) -> None:
    """Expected are the words of scenarios/cross_host (hub_connect_ip), and scenarios/origin's
    tables where the hub is reached.
    """
    done = matrix(*TRIED, "--json")
    works, broken, allowed, _ = rows_of(done)
    assert works["cells"]["sign-in"]["short"] == "ok"
    assert works["cells"]["spawn"]["short"] == "ready"
    assert works["cells"]["reach"]["ok"]
    assert not wrong_answers([works, allowed])
    assert works["cells"]["websocket"] != allowed["cells"]["websocket"]
    assert broken["cells"]["sign-in"]["short"] == "503"
    assert "Connection refused" in broken["cells"]["spawn"]["detail"]
    assert broken["cells"]["origin"]["short"] == "no server"
    assert "hub.JupyterHub.hub_connect_ip" in broken["cells"]["reach"]["short"]
    # The hub restarts once for the two cases of each of its settings, whatever the user's order.
    said = [line.partition(": ")[2] for line in done.stderr.splitlines() if " case " in line]
    assert ["ip=hub" in line for line in said] == [True, True, False, False]

    report = tmp_path / "report.html"
    again = matrix(*TRIED, "--resume", "--md", "--report", str(report))
    assert again.returncode == 0, again.stderr
    assert "bringing up" not in again.stderr
    assert "**503**" in again.stdout
    told = [json.loads(one) for one in Elements(report.read_text()).lines()]
    assert [one["case"] for one in told if one["kind"] == "case_answered"] == [
        row["id"] for row in rows_of(done)
    ]
    kept = ROOT / "evidence" / "matrix"
    assert any(works["id"] in path.read_text() for path in Path(kept).glob("*.json"))


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("hub.JupyterHub.hub_conect_ip=a,b", "hub.JupyterHub.hub_connect_ip"),
        ("fault=none,freeze node7", "no host node7"),
    ],
)
def test_what_the_lab_does_not_know_costs_no_lab(axis: str, said: str) -> None:
    refused(matrix("--axis", axis), said)


def test_nor_does_it_in_pytest() -> None:
    """One message for all its tests, and not one for each."""
    words = ("-m", "pytest", "-n0", "scenarios/origin/test_server_api.py")
    axis = ("--axis", "hub.JupyterHub.hub_conect_ip=a,b")
    done = subprocess.run(
        [sys.executable, *words, *axis], capture_output=True, text=True, cwd=ROOT, timeout=180
    )
    refused(done, "hub.JupyterHub.hub_connect_ip")


def refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode in (64, pytest.ExitCode.USAGE_ERROR), output
    assert output.count(said) == 1, output
    assert "where: --axis" in output
    assert "bringing up" not in output


def test_a_killed_hub_and_an_interrupted_run_lose_one_case() -> None:
    """The host of the hub is killed in one case, and hublab is asked to end in another."""
    name = fresh_name()
    words = (
        "matrix", "--axis", "server.ServerApp.allow_origin=a,b,c", "--probe", "reach",
        "--name", name,
    )  # fmt: skip
    running = Running(sys.executable, "-m", "hublab", *words)
    running.wait_for("case 2 of 3")
    engine = Engine.connect()
    hub = next(one for one in engine.containers(name) if one.service == "hub")
    engine.client.api.kill(hub.id)
    running.wait_for("the lab is replaced")
    running.wait_for("case 3 of 3")
    assert running.end(signal.SIGTERM) == 130, running.said
    assert "allow_origin   REACH" in running.said  # what was seen is shown
    assert not engine.containers(name)

    done = hublab(*words, "--resume", "--json")
    first, killed, third = rows_of(done)
    assert first["cells"]["reach"]["ok"]
    assert third["cells"]["reach"]["ok"]
    assert not killed["cells"]["reach"]["ok"]
    assert "case 3 of 3" in done.stderr
    assert "case 2 of 3" not in done.stderr


@pytest.mark.slow
def test_twenty_four_cases_agree_with_the_tables() -> None:
    """Three axes over the base topology, five questions: expected is what scenarios/origin says."""
    origins = (APP, "*", "http://evil.lab")
    headers = [{"headers": {"Access-Control-Allow-Origin": origin}} for origin in origins]
    done = matrix(
        "--axis", "hub.JupyterHub.base_url=/,/jh/",
        "--axis", f'server.ServerApp.allow_origin=["","{APP}","*"]',
        "--axis", f"hub.JupyterHub.tornado_settings={json.dumps([{}, *headers])}",
        "--probe", "spawn", "--probe", "origin", "--probe", "hub-origin",
        "--probe", "websocket", "--probe", "routes", "--json",
    )  # fmt: skip
    rows = rows_of(done)
    assert len(rows) == 24
    assert not wrong_answers(rows)
    assert {row["cells"]["spawn"]["short"] for row in rows} == {"ready"}
    assert {row["cells"]["routes"]["short"] for row in rows} == {"agree"}
