"""What this machine can do for a lab, one row each. Looking is quick and changes nothing.

`ok` is None if finding out would change the machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hublab.engine import Engine
from hublab.errors import HublabError, MachineError
from hublab.machine import apt, base_image, plugins
from hublab.machine.authorities import authorities
from hublab.machine.distribution import Distribution
from hublab.machine.kernel import Kernel, this_kernel

NEEDED_PYTHON = (3, 11)
NEEDED_API = (1, 41)
NEEDED_MEMORY_GIB = 2.0
NEEDED_DISK_GIB = 5.0
GIB = 1024**3
FIX = "hublab doctor --fix"


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that a machine has or lacks, what needs it, and how to get it."""

    name: str
    ok: bool | None
    detail: str
    needed_by: str
    remedy: str = ""
    required: bool = False
    """Whether `hublab up` needs it."""

    @property
    def state(self) -> str:
        return {True: "ok", False: "missing", None: "unknown"}[self.ok]

    @property
    def blocks_up(self) -> bool:
        return self.required and self.ok is False

    def as_json(self) -> dict[str, str | bool | None]:
        return {**asdict(self), "state": self.state}


def probe(machine: Distribution, engine: Engine | MachineError) -> list[Capability]:
    """Every capability. `engine` is an engine that answered, or the reason why none did."""
    return [
        *probe_needed(machine, engine),
        Capability(
            "root",
            machine.root,
            f"{machine.name}, {machine.architecture}, "
            + ("systemd" if machine.systemd else "no systemd"),
            FIX,
            "run it as root",
        ),
        *kernel_capabilities(this_kernel()),
    ]


def probe_needed(machine: Distribution, engine: Engine | MachineError) -> list[Capability]:
    """The capabilities that `hublab up` needs."""
    tools = plugins.find()
    return [
        python_version(sys.version_info[:3]),
        docker_api(engine),
        docker_command(tools),
        *client_plugins(tools),
        base(machine, engine),
        trust(authorities()),
        memory(available_memory()),
        disk(engine),
        clock(time.time()),
    ]


def connect() -> Engine | MachineError:
    """The engine, or the reason why none answers."""
    try:
        return Engine.connect(timeout=5)
    except MachineError as error:
        return error


def python_version(version: tuple[int, int, int]) -> Capability:
    return Capability(
        "Python >= 3.11",
        version >= NEEDED_PYTHON,
        ".".join(map(str, version)),
        "hublab itself",
        "install python3.11 or newer",
        required=True,
    )


def docker_api(engine: Engine | MachineError) -> Capability:
    name, needed_by = "Docker engine", "every lab"
    if isinstance(engine, MachineError):
        return Capability(name, False, engine.message, needed_by, engine.hint or FIX, True)
    try:
        version = engine.version()
    except HublabError as error:
        return Capability(name, False, error.message, needed_by, "restart the engine", True)
    api = str(version["ApiVersion"])
    return Capability(
        name,
        plugins.is_enough(api, NEEDED_API),
        f"{version['Version']}, API {api}, at {engine.host}",
        needed_by,
        "an engine with API >= 1.41, that is Docker >= 20.10",
        required=True,
    )


def docker_command(tools: plugins.Tools) -> Capability:
    detail = shutil.which("docker") or "not on PATH"
    return Capability("docker command", tools.docker, detail, "Compose", FIX, required=True)


def client_plugins(tools: plugins.Tools) -> Iterator[Capability]:
    missing = tools.missing()
    for plugin, name, version, needed_by in (
        ("docker-compose", "Compose >= 2.20", tools.compose, "hublab up and down"),
        ("docker-buildx", "BuildKit (buildx)", tools.buildx, "building the hosts' images"),
    ):
        detail = version or "no such plugin of the docker command"
        yield Capability(name, plugin not in missing, detail, needed_by, FIX, required=True)


def base(machine: Distribution, engine: Engine | MachineError) -> Capability:
    """Whether there is a base to build images on; does not ask registries, which takes long."""
    ok: bool | None
    if isinstance(engine, Engine) and (found := base_image.present_base(engine)):
        ok, detail = True, f"the engine has {found}"
    elif chosen := os.environ.get("HUBLAB_BASE"):
        ok, detail = None, f"{chosen}, by HUBLAB_BASE, if a registry has it"
    elif machine.root and shutil.which("mmdebstrap") and apt.debian_keyring():
        ok, detail = True, "built from packages (mmdebstrap) if no registry has it"
    else:
        ok, detail = None, f"pulled if a registry has {base_image.FROM_REGISTRY}"
    return Capability("base image", ok, detail, "building the hosts' images", FIX, required=True)


def trust(bundle: str) -> Capability:
    """The bundle that image builds get as a secret; without it they trust the public ones."""
    found = bundle != os.devnull
    return Capability(
        "TLS authorities",
        found,
        bundle if found else "no bundle of authorities on this machine",
        "building images behind a proxy that inspects TLS",
        "apt-get install ca-certificates; or HUBLAB_CA",
    )


def memory(available: float | None) -> Capability:
    return Capability(
        "memory",
        None if available is None else available >= NEEDED_MEMORY_GIB,
        "unknown" if available is None else f"{available:.1f} GiB available",
        "a lab of five hosts with two servers (2 GiB)",
        "end other programs, or use a larger machine",
        required=True,
    )


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """Memory that programs can still allocate, in GiB."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    kib = next(found, None)
    return None if kib is None else int(kib) * 1024 / GIB


def disk(engine: Engine | MachineError) -> Capability:
    name, needed_by = "disk", "images and their build cache (5 GiB)"
    if isinstance(engine, Engine) and not engine.is_local:
        return Capability(name, None, "the engine is on another machine", needed_by)
    # The engine may not have created its folder yet.
    folders = (Path("/var/lib/docker"), Path("/var/lib"), Path("/"))
    folder = next(folder for folder in folders if folder.is_dir())
    free = shutil.disk_usage(folder).free / GIB
    return Capability(
        name,
        free >= NEEDED_DISK_GIB,
        f"{free:.1f} GiB free under {folder}",
        needed_by,
        "free some space; `docker system df` shows what the engine uses",
        required=True,
    )


def clock(now: float, release: Path = Path("/etc/os-release")) -> Capability:
    """A clock that is behind the system's own files breaks TLS and apt with misleading errors."""
    written = max(path.stat().st_mtime for path in (Path(__file__), release) if path.exists())
    ok = now >= written - 24 * 3600
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    detail = shown if ok else f"{shown} is before this system's own files"
    return Capability("clock", ok, detail, "TLS and package signatures", "set it", required=True)


def kernel_capabilities(kernel: Kernel) -> Iterator[Capability]:
    """Kernel features that faults and several machines need; a lab itself needs none of them."""
    other_kernel = "a kernel with it (Debian's own has it; `modprobe` must find it)"
    for name, parts, needed_by, remedy in (
        (
            "nftables",
            (
                ("NF_TABLES", "nf_tables"),
                ("NFT_NUMGEN", "nft_numgen"),
                ("NFT_REJECT", "nft_reject"),
            ),
            "hublab fault partition",
            other_kernel,
        ),
        (
            "NFQUEUE",
            (
                ("NETFILTER_NETLINK_QUEUE", "nfnetlink_queue"),
                ("NETFILTER_XT_TARGET_NFQUEUE", "xt_NFQUEUE"),
            ),
            "nothing yet: delays, where netem is missing",
            other_kernel,
        ),
        (
            "netem",
            (("NET_SCH_NETEM", "sch_netem"),),
            "nothing yet: delays",
            "not needed if the kernel has NFQUEUE",
        ),
        (
            "overlay networks",
            (("VXLAN", "vxlan"), ("BRIDGE", "bridge"), ("VETH", "veth")),
            "nothing yet: a lab over several engines",
            other_kernel,
        ),
    ):
        missing = [module for option, module in parts if kernel.has(option, module) is False]
        known = all(kernel.has(option, module) is not None for option, module in parts)
        if missing:
            yield Capability(name, False, f"no {', '.join(missing)}", needed_by, remedy)
        elif known:
            yield Capability(name, True, "in the kernel", needed_by)
        else:
            yield Capability(
                name, None, "the kernel does not publish its configuration", needed_by, remedy
            )
