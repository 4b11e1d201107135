"""What a topology may not do, for a lab stays among its own: no other network, no other lab's
things, no powers over the machine that it runs on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hublab.topology.problems import Fault

Config = Mapping[str, Any]

FORBIDDEN = {
    "privileged": "a privileged container can change this machine",
    "devices": "a device of this machine would be the lab's",
}
OF_THE_MACHINE = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")


def isolation_faults(config: Config) -> Iterator[Fault]:
    """Everything in a topology that reaches outside of its own lab."""
    for name, service in (config.get("services") or {}).items():
        yield from service_faults(name, service)
    for network, definition in (config.get("networks") or {}).items():
        yield from network_faults(network, definition or {})
    for volume, definition in (config.get("volumes") or {}).items():
        if (definition or {}).get("external"):
            hint = "a volume of the lab's own"
            yield ("volumes", volume, "external"), "the volume is somebody else's", hint


def service_faults(name: str, service: Config) -> Iterator[Fault]:
    """A service that shares with the machine, or with containers that are not of this lab."""
    for key, why in FORBIDDEN.items():
        if service.get(key):
            yield ("services", name, key), why, "cap_add with the one capability that is needed"
    for key in OF_THE_MACHINE:
        value = str(service.get(key) or "")
        if value == "host":
            yield ("services", name, key), f"{key}: host is this machine's own", None
        elif value.startswith("container:"):
            hint = f"{key}: service:NAME, with a service of this file"
            yield ("services", name, key), f"{value} may be another lab's", hint
    if "ALL" in [str(one).upper() for one in service.get("cap_add") or []]:
        hint = "the one capability that is needed"
        yield ("services", name, "cap_add"), "all capabilities are as good as privileged", hint


def network_faults(network: str, definition: Config) -> Iterator[Fault]:
    """A network that others are on too."""
    if definition.get("external"):
        hint = "a network of the lab's own"
        yield ("networks", network, "external"), "the network is somebody else's", hint
    driver = definition.get("driver") or "bridge"
    if driver not in ("bridge", "overlay"):
        reason = f"a {driver} network reaches beyond this machine"
        yield ("networks", network, "driver"), reason, "bridge"
