"""Configures, installs and starts a Docker engine on this machine.

An engine that answers already, wherever it is, is used without any change.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import which

from hublab.engine.compose import last_lines
from hublab.errors import MachineError
from hublab.machine import apt
from hublab.machine.commands import output_of, run
from hublab.machine.distribution import Distribution
from hublab.progress import Progress

CONFIGURATION = Path("/etc/docker/daemon.json")
LOG = Path("/var/log/hublab-dockerd.log")
SOCKET = Path("/var/run/docker.sock")
PID_FILES = {
    Path("/var/run/docker.pid"): "dockerd",
    Path("/var/run/docker/containerd/containerd.pid"): "containerd",
}
DEADLINE = 60.0
ROUTES = Path("/proc/net/route")
INTERFACES = Path("/sys/class/net")
USUAL_MTU = 1500


def packages(machine: Distribution) -> list[str]:
    """The packages of an engine. Debian 13 has the client in a package of its own."""
    client = ["docker-cli"] if machine.is_debian and machine.version >= (13,) else []
    return ["docker.io", *client, "iptables"]


def is_installed() -> bool:
    return which("dockerd") is not None


def configuration(mtu: int) -> dict[str, object]:
    """The configuration of a new engine: networks from the range reserved for test labs.

    Docker's defaults are private ranges, which collide with networks of companies and VPNs. A
    bridge with a larger MTU than the outgoing interface loses large packets silently.
    """
    return {
        "bip": "198.18.255.1/24",
        "default-address-pools": [{"base": "198.18.0.0/16", "size": 24}],
        "mtu": mtu,
    }


def configure(path: Path, mtu: int) -> bool:
    """Write the engine's configuration unless there is one; returns whether it did.

    Call it before the installation, which starts the engine if systemd runs.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(configuration(mtu), indent=2)
    path.write_text(text + "\n", encoding="utf-8")
    return True


def default_route_mtu(routes: Path = ROUTES, interfaces: Path = INTERFACES) -> int:
    """The MTU of the interface that the default route leaves by."""
    with contextlib.suppress(OSError, ValueError):
        for line in routes.read_text(encoding="ascii").splitlines()[1:]:
            name, destination, _, flags, *_, mask, _, _, _ = line.split()
            if int(destination, 16) == int(mask, 16) == 0 and int(flags, 16) & 1:
                return int((interfaces / name / "mtu").read_text(encoding="ascii"))
    return USUAL_MTU


def install(machine: Distribution, progress: Progress) -> None:
    """Install the engine's packages; on machines with systemd they also start it."""
    apt.install(packages(machine), progress)


def start(machine: Distribution, answers: Callable[[], bool], progress: Progress) -> None:
    """Start the installed engine, and return when it answers."""
    if machine.systemd:
        try:
            run(["systemctl", "enable", "--now", "docker.service"], "start the engine", progress)
            wait_until(answers, DEADLINE)
        except MachineError as error:
            journal = output_of(["journalctl", "--unit=docker", "--lines=12", "--no-pager"]) or ""
            raise MachineError(
                f"{error.message}; its journal ends: {last_lines(journal)}", where="docker.service"
            ) from error
        return
    for path, program in PID_FILES.items():
        remove_stale_pid(path, program)
    start_without_systemd(["dockerd"], LOG, answers)


def start_without_systemd(
    argv: Sequence[str], log: Path, answers: Callable[[], bool], deadline: float = DEADLINE
) -> int:
    """Start an engine that outlives this process, in a session of its own; returns its pid.

    It does not inherit our output: a caller that reads that to its end would wait for ever.
    """
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    try:
        wait_until(answers, deadline, lambda: process.poll() is None)
    except BaseException as error:
        # An engine that we gave up on must not start later without our knowledge.
        process.terminate()
        process.wait()
        if not isinstance(error, MachineError):
            raise
        with log.open("rb") as stream:
            stream.seek(begin)
            end = last_lines(stream.read().decode(errors="replace"))
        raise MachineError(f"{error.message}; its log ends: {end}", where=str(log)) from error
    # The process is meant to run on; without a return code Popen would warn about that.
    process.returncode = 0
    return process.pid


def wait_until(
    answers: Callable[[], bool], deadline: float, alive: Callable[[], bool] = lambda: True
) -> None:
    """Return as soon as the engine answers. Raises MachineError if it ends, or at the deadline."""
    end = time.monotonic() + deadline
    while not answers():
        if not alive():
            raise MachineError("the Docker engine ended while it started")
        if time.monotonic() > end:
            raise MachineError(f"the Docker engine did not answer within {deadline:.0f} s")
        time.sleep(0.05)


def remove_stale_pid(path: Path, program: str, processes: Path = Path("/proc")) -> bool:
    """Remove a pid file if its process is gone, or is another program now."""
    try:
        pid = int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return False
    except ValueError:
        pid = 0
    with contextlib.suppress(OSError):
        if (processes / str(pid) / "comm").read_text(encoding="utf-8").strip() == program:
            return False
    path.unlink(missing_ok=True)
    return True


def start_commands(machine: Distribution) -> list[str]:
    """The shell commands that `start` would run."""
    if machine.systemd:
        return ["systemctl enable --now docker.service"]
    return [f"setsid dockerd </dev/null >>{LOG} 2>&1 &", f"wait for {SOCKET}"]


def is_default_socket(host: str) -> bool:
    """Whether an address is this machine's default socket, and not the user's own choice."""
    return not os.environ.get("DOCKER_HOST") and host in (
        "unix:///var/run/docker.sock",
        "unix:///run/docker.sock",
        "http+unix:///var/run/docker.sock",
    )
