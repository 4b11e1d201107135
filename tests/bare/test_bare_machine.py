"""From a bare machine, with git, make and Python alone, to a lab."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow

Bare = Callable[[str], Callable[[str], subprocess.CompletedProcess[str]]]


def test_a_dry_run_names_the_steps_and_takes_none(bare: Bare) -> None:
    run = bare("trixie")
    assert run("make setup").returncode == 0
    done = run(".venv/bin/hublab doctor --fix --dry-run")
    assert done.returncode == 0, done.stderr
    titles = [line.partition("] ")[2] for line in done.stdout.splitlines() if line[0] == "["]
    assert titles == [
        "give the new engine networks of 198.18.0.0/16, which is not routed anywhere",
        "install the Docker engine",
        "start the Docker engine",
        "install docker-compose and docker-buildx",
        "get a base image",
    ]
    assert "install --no-install-recommends docker.io docker-cli iptables" in done.stdout
    assert run("test ! -e /etc/docker -a ! -e /usr/sbin/dockerd").returncode == 0


def test_doctor_says_what_is_missing(bare: Bare) -> None:
    run = bare("trixie")
    assert run("make setup").returncode == 0
    done = run(".venv/bin/hublab doctor")
    assert done.returncode == 3
    assert "Docker engine" in done.stderr
    assert "`hublab doctor --fix` gets it" in done.stderr


def test_demo_twice(bare: Bare) -> None:
    # One shell: the processes of a machine, its engine among them, end with its first one.
    run = bare("bookworm")
    begun = time.monotonic()
    done = run(
        "make demo; echo second; date +%s; make demo 2>&1; date +%s; "
        ".venv/bin/hublab down; echo left: $(docker ps -aq; docker volume ls -q)"
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert time.monotonic() - begun < 380
    first, _, second = done.stdout.partition("\nsecond\n")
    assert "alice on node1" in first
    assert "[1/" not in second
    begin, *_, end = [int(line) for line in second.splitlines() if line.isdigit()]
    assert end - begin <= 30  # about eight of them for the hub that is broken and healed
    assert done.stdout.rstrip().endswith("left:")
