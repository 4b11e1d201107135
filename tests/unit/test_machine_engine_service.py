"""The engine of this machine's own: its configuration, its start, and what is left alone."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from hublab.errors import MachineError
from hublab.machine import engine_service
from hublab.machine.distribution import Distribution, describe

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
NOBLE = {"ID": "ubuntu", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble"}


def machine(release: dict[str, str], *, root: bool = True, systemd: bool = False) -> Distribution:
    return describe(release, architecture="x86_64", systemd=systemd, root=root)


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
docker0\t00FF12C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
ens3\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


def test_networks_come_from_the_range_for_test_labs(tmp_path: Path) -> None:
    path = tmp_path / "docker" / "daemon.json"
    assert engine_service.configure(path, mtu=1400) is True
    assert json.loads(path.read_text()) == {
        "bip": "198.18.255.1/24",
        "default-address-pools": [{"base": "198.18.0.0/16", "size": 24}],
        "mtu": 1400,
    }


def test_a_configuration_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text("{}")
    assert engine_service.configure(path, mtu=1400) is False
    assert path.read_text() == "{}"


def test_mtu_of_the_default_route(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    (tmp_path / "ens3").mkdir()
    (tmp_path / "ens3" / "mtu").write_text("1400\n")
    assert engine_service.default_route_mtu(routes, tmp_path) == 1400


@pytest.mark.parametrize("text", ["", ROUTES.splitlines()[0], "nonsense\nnonsense\n", ROUTES])
def test_usual_mtu_where_nothing_tells(tmp_path: Path, text: str) -> None:
    routes = tmp_path / "route"
    routes.write_text(text)
    assert engine_service.default_route_mtu(routes, tmp_path) == 1500


def test_packages() -> None:
    assert engine_service.packages(machine(BOOKWORM)) == ["docker.io", "iptables"]
    assert engine_service.packages(machine(NOBLE)) == ["docker.io", "iptables"]
    trixie = machine({**BOOKWORM, "VERSION_ID": "13"})
    assert engine_service.packages(trixie) == ["docker.io", "docker-cli", "iptables"]


@pytest.mark.parametrize(
    ("content", "comm", "removed"),
    [
        ("77", None, True),
        ("77", "bash", True),
        ("77", "dockerd", False),
        ("", None, True),
        (None, None, False),
    ],
)
def test_stale_pid_file(
    tmp_path: Path, content: str | None, comm: str | None, removed: bool
) -> None:
    path = tmp_path / "docker.pid"
    if content is not None:
        path.write_text(content)
    if comm is not None:
        (tmp_path / "77").mkdir()
        (tmp_path / "77" / "comm").write_text(f"{comm}\n")
    assert engine_service.remove_stale_pid(path, "dockerd", tmp_path) is removed
    assert path.exists() is (content is not None and not removed)


def test_an_engine_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("an earlier start\n")
    argv = [sys.executable, "-c", "raise SystemExit('no cgroups here')"]
    with pytest.raises(MachineError, match="ended while it started") as caught:
        engine_service.start_without_systemd(argv, log, lambda: False)
    assert caught.value.message.endswith("its log ends: no cgroups here")
    assert caught.value.where == str(log)


def test_an_engine_that_never_answers_is_given_up(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
    log = tmp_path / "log"
    with pytest.raises(MachineError, match="did not answer within 0 s"):
        engine_service.start_without_systemd(
            argv, log, lambda: log.stat().st_size < 0, deadline=0.5
        )
    pid = int(log.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_started_engine_outlives_us_in_a_session_of_its_own(tmp_path: Path) -> None:
    up = tmp_path / "up"
    code = f"import pathlib, time; pathlib.Path({str(up)!r}).touch(); time.sleep(60)"
    pid = engine_service.start_without_systemd(
        [sys.executable, "-c", code], tmp_path / "log", up.exists
    )
    try:
        assert os.getsid(pid) == pid != os.getsid(0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_waiting_returns_at_once_when_it_answers() -> None:
    begun = time.monotonic()
    engine_service.wait_until(lambda: True, deadline=10)
    assert time.monotonic() - begun < 0.04


@pytest.mark.parametrize(
    ("host", "variable", "ours"),
    [
        ("unix:///var/run/docker.sock", None, True),
        ("unix:///run/user/1000/docker.sock", None, False),
        ("ssh://build.example", None, False),
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock", False),
    ],
)
def test_an_engine_of_the_users_choice_is_not_ours_to_start(
    monkeypatch: pytest.MonkeyPatch, host: str, variable: str | None, ours: bool
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    if variable:
        monkeypatch.setenv("DOCKER_HOST", variable)
    assert engine_service.is_default_socket(host) is ours


def test_systemd_starts_it_where_it_runs() -> None:
    assert engine_service.start_commands(machine(NOBLE, systemd=True)) == [
        "systemctl enable --now docker.service"
    ]
    by_hand = engine_service.start_commands(machine(NOBLE))
    assert by_hand[0].startswith("setsid dockerd </dev/null")
