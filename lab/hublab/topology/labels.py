"""What the hosts of a topology are for: the roles, which may go together, and what init makes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from hublab.topology.positions import YamlPath

ROLE_LABEL = "hublab.role"
HOST_ROLES = (
    "hub",
    "proxy",
    "node",
    "client",
    "bastion",
    "browser",
    "database",
    "identity-provider",
    "certificate-authority",
    "reverse-proxy",
    "dns",
    "page",
    "standalone",
)
INIT_ROLE = "init"
TOGETHER = (("hub", "proxy"),)
"""Roles that one host may have at once, as a hub that runs its own proxy."""
ONE_OF = {
    "hub": "one hub in a lab",
    "proxy": "one proxy, which the hub fills; what stands before that is a reverse-proxy",
}
"""Roles that a lab has one host of, and why."""
ETC = "/etc/hublab"
SHARES = "/lab"
"""Where `init` has every host's /etc/hublab, as /lab/ROLE/HOST."""

Config = Mapping[str, Any]
Fault = tuple[YamlPath, str, str]
"""The path in the files, what is wrong there, and a hint."""


def roles_of(label: str) -> tuple[str, ...]:
    """The roles that a label names: `hub,proxy` are two."""
    return tuple(filter(None, (role.strip() for role in label.split(","))))


def label_faults(label: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the value of a label, and a hint."""
    unknown = [role for role in roles_of(label) or (label,) if role not in HOST_ROLES]
    for role in unknown:
        near = difflib.get_close_matches(role, (*HOST_ROLES, INIT_ROLE), n=1)
        hint = near[0] if near else "one of " + ", ".join((*HOST_ROLES, INIT_ROLE))
        yield f"unknown role {role!r}", hint
    roles = roles_of(label)
    if len(roles) > 1 and not unknown and roles not in TOGETHER:
        hint = " or ".join(",".join(one) for one in TOGETHER)
        yield f"these roles cannot share a host: {label}", hint


def role_faults(hosts: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    """Roles that nobody has, or too many; `hosts` gives the roles of each."""
    for role in ("hub", "proxy", "node", "client"):
        if not any(role in roles for roles in hosts.values()):
            yield ("services",), f"no service is the {role}", f"one with {ROLE_LABEL}: {role}"
    for role, hint in ONE_OF.items():
        first, *others = [name for name, roles in hosts.items() if role in roles] or [""]
        for other in others:
            path = ("services", other, "labels", ROLE_LABEL)
            yield path, f"a second {role}, beside {first}", hint


def share_faults(
    services: Mapping[str, Config], hosts: Mapping[str, tuple[str, ...]]
) -> Iterator[Fault]:
    """`init` makes a host's keys in the volume that the host mounts: one name, one volume."""
    labels = {name: service.get("labels") or {} for name, service in services.items()}
    inits = [name for name in labels if labels[name].get(ROLE_LABEL) == INIT_ROLE]
    made = mounted(services[inits[0]]) if inits else {}
    for name, roles in hosts.items() if inits else ():
        own = mounted(services[name]).get(ETC)
        for role in (role for role in roles if own and role in HOST_ROLES):
            target = f"{SHARES}/{role}/{name}"
            if made.get(target) != own:
                has = f"holds {made[target]} there" if target in made else "does not have it"
                reason = f"the host keeps its keys in the volume {own}, and {inits[0]} {has}"
                hint = f"{own}:{target} among the volumes of {inits[0]}"
                yield ("services", name, "volumes", ETC), reason, hint


def mounted(service: Config) -> dict[str, str]:
    """Mount point to volume."""
    return {
        str(volume.get("target")): str(volume.get("source"))
        for volume in service.get("volumes") or []
        if volume.get("type", "volume") == "volume"
    }
