"""What a topology must not do, because labs are isolated: use networks or volumes of others, or
gain control over the machine that runs the lab."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from hublab.topology.problems import RawProblem

Config = Mapping[str, Any]

FORBIDDEN = {
    "privileged": "a privileged container can change this machine",
    "devices": "the lab would control a device of this machine",
    "use_api_socket": "whoever has the engine's socket controls this machine",
}
ENGINE_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
OF_KERNEL = ("/proc", "/sys", "/dev")
OF_SYSTEM = (*OF_KERNEL, "/etc", "/root", "/home", "/usr", "/var", "/run", "/var/run", "/boot")
"""Folders that are refused as a whole: with any of them a host could become the machine's root."""
HARMLESS = "a folder with what the host needs, and nothing else"
OF_THE_MACHINE = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")


def isolation_problems(config: Config) -> Iterator[RawProblem]:
    """Everything in a topology that reaches beyond its own lab."""
    for name, service in (config.get("services") or {}).items():
        yield from service_problems(name, service)
    for network, definition in (config.get("networks") or {}).items():
        yield from network_problems(network, definition or {})
    for volume, definition in (config.get("volumes") or {}).items():
        if (definition or {}).get("external"):
            hint = "a volume of the lab's own"
            yield ("volumes", volume, "external"), "the volume does not belong to this lab", hint
        device = str(((definition or {}).get("driver_opts") or {}).get("device") or "")
        if device.startswith("/") and (why := why_dangerous(os.path.normpath(device))):
            yield ("volumes", volume, "driver_opts"), why, HARMLESS
    for section in ("secrets", "configs"):
        for name, definition in (config.get(section) or {}).items():
            file = (definition or {}).get("file")
            if file and (why := why_dangerous(os.path.normpath(str(file)))):
                yield (section, name, "file"), why, "a file with what the host needs"


def service_problems(name: str, service: Config) -> Iterator[RawProblem]:
    """A service that shares namespaces with the machine, or with containers outside this lab."""
    for key, why in FORBIDDEN.items():
        if service.get(key):
            yield ("services", name, key), why, "cap_add with the one capability that is needed"
    for key in OF_THE_MACHINE:
        value = str(service.get(key) or "")
        if value == "host":
            yield ("services", name, key), f"{key}: host shares a namespace with this machine", None
        elif value.startswith("container:"):
            hint = f"{key}: service:NAME, with a service of this file"
            yield ("services", name, key), f"{value} may belong to another lab", hint
    for other in service.get("volumes_from") or []:
        if str(other).startswith("container:"):
            reason = f"{other} may belong to another lab"
            yield ("services", name, "volumes_from"), reason, "a service of this file"
    yield from mount_problems(name, service)
    if "ALL" in [str(one).upper() for one in service.get("cap_add") or []]:
        hint = "the one capability that is needed"
        yield (
            ("services", name, "cap_add"),
            "all capabilities together amount to a privileged container",
            hint,
        )


def mount_problems(name: str, service: Config) -> Iterator[RawProblem]:
    """Mounts of this machine's paths that hand the machine to a host."""
    for mount in service.get("volumes") or []:
        if mount.get("type") != "bind":
            continue
        source = os.path.normpath(str(mount.get("source") or ""))
        if why := why_dangerous(source):
            path = ("services", name, "volumes", str(mount.get("target")))
            yield path, why, HARMLESS


def why_dangerous(source: str) -> str | None:
    """Why a host that gets this path of the machine controls the machine; None if it does not."""
    if (
        os.path.basename(source) in ENGINE_SOCKETS
        or os.path.basename(os.path.realpath(source)) in ENGINE_SOCKETS
    ):
        return f"whoever has {source} controls the engine, and so this machine"
    real = os.path.realpath(source)
    if real in ("/", *OF_SYSTEM) or real.startswith(tuple(f"{one}/" for one in OF_KERNEL)):
        return f"{source} of this machine would be in the host's hands"
    return None


def network_problems(network: str, definition: Config) -> Iterator[RawProblem]:
    """A network that containers outside this lab may be attached to."""
    if definition.get("external"):
        hint = "a network of the lab's own"
        yield ("networks", network, "external"), "the network does not belong to this lab", hint
    driver = definition.get("driver") or "bridge"
    if driver not in ("bridge", "overlay"):
        reason = f"a {driver} network reaches beyond this machine"
        yield ("networks", network, "driver"), reason, "bridge"
