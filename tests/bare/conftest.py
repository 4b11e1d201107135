"""Bare machines to try hublab on: a fresh Debian without engine, Python packages or images.

Needs root and an engine; each machine has processes, mounts and a network of its own, which
reaches out through a network of the engine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENTER = Path(__file__).with_name("enter")
NETNS = f"hublab-bare-{os.getpid()}"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))

Done = subprocess.CompletedProcess[str]
Run = Callable[[str], Done]


def call(*argv: str) -> str:
    return subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def ip(commands: Sequence[str]) -> None:
    for command in commands:
        call("ip", *command.split())


@pytest.fixture(scope="session")
def network() -> Iterator[str]:
    """The name of a network namespace that reaches out."""
    if os.geteuid():
        pytest.fail("bare machines are made by root")
    with contextlib.ExitStack() as undo:
        # The engine chooses the range: it takes one said by us even where the machine has it.
        call("docker", "network", "create", NETNS)
        undo.callback(call, "docker", "network", "rm", NETNS)
        inspect = ("docker", "network", "inspect", "--format")
        gateway = call(*inspect, "{{(index .IPAM.Config 0).Gateway}}", NETNS)
        address = gateway.rpartition(".")[0] + ".9/24"
        bridge = "br-" + call(*inspect, "{{.Id}}", NETNS)[:12]
        mtu = Path(f"/sys/class/net/{bridge}/mtu").read_text().strip()
        outside = f"hlb{os.getpid()}"
        ip([f"netns add {NETNS}"])
        # Takes both ends of the cable with it.
        undo.callback(ip, [f"netns del {NETNS}"])
        ip(
            [
                f"link add {outside} mtu {mtu} type veth peer name eth0 netns {NETNS} mtu {mtu}",
                f"link set {outside} master {bridge} up",
                f"-n {NETNS} link set lo up",
                f"-n {NETNS} address add {address} dev eth0",
                f"-n {NETNS} link set eth0 up",
                f"-n {NETNS} route add default via {gateway}",
            ]
        )
        yield NETNS


@pytest.fixture
def bare(network: str, tmp_path: Path) -> Callable[[str], Run]:
    """`bare("trixie")` makes a machine with a clone of this commit in /root/hublab, and
    returns what runs a shell script there."""

    def make(suite: str) -> Run:
        root = tmp_path / suite
        root.mkdir()
        call("tar", "--extract", "--directory", str(root), "--file", str(base_tar(suite)))
        resolver = next(path for path in RESOLVERS if path.exists())
        shutil.copyfile(resolver, root / "etc/resolv.conf")
        if AUTHORITIES.exists():
            (root / AUTHORITIES.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(AUTHORITIES, root / AUTHORITIES.relative_to("/"))
        call("git", "clone", "--quiet", str(ROOT), str(root / "root/hublab"))

        def run(script: str) -> Done:
            return subprocess.run(
                [str(ENTER), network, str(root), "sh", "-euc", f"cd /root/hublab\n{script}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

        return run

    return make


def base_tar(suite: str) -> Path:
    """A Debian with what the README asks for: git, make and Python; made once a checkout."""
    tar = ROOT / "build" / "bare" / f"{suite}.tar"
    if not tar.exists():
        tar.parent.mkdir(parents=True, exist_ok=True)
        fresh = tar.with_suffix(".new.tar")
        include = "--include=git,make,python3,ca-certificates"
        call("mmdebstrap", "--quiet", "--variant=minbase", include, suite, str(fresh))
        fresh.replace(tar)
    return tar
