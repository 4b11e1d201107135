"""Checks of the roles in a topology: known ones, in the right number, each host with its keys."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from hublab.paths import ETC, SHARES
from hublab.roles import (
    BY_NAME,
    INIT,
    LABEL,
    NAMES,
    ROLES,
    SHARED_IMAGES,
    split_label,
)
from hublab.topology.problems import RawProblem

Config = Mapping[str, Any]


def label_problems(label: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the value of a role label: reason and hint."""
    unknown = [role for role in split_label(label) or (label,) if role not in BY_NAME]
    for role in unknown:
        near = difflib.get_close_matches(role, (*NAMES, INIT), n=1)
        hint = near[0] if near else "one of " + ", ".join((*NAMES, INIT))
        yield f"unknown role {role!r}", hint
    roles = split_label(label)
    if len(roles) > 1 and not unknown and roles not in SHARED_IMAGES:
        hint = " or ".join(",".join(one) for one in SHARED_IMAGES)
        yield f"these roles cannot share a host: {label}", hint


def role_problems(hosts: Mapping[str, tuple[str, ...]]) -> Iterator[RawProblem]:
    """Roles that no host has, or too many hosts; `hosts` gives the roles of each."""
    for role in ROLES:
        first, *others = [name for name, roles in hosts.items() if role.name in roles] or [""]
        if role.required and not first:
            yield ("services",), f"no service is the {role.name}", f"one with {LABEL}: {role.name}"
        for other in others if role.only_one else ():
            path = ("services", other, "labels", LABEL)
            yield path, f"a second {role.name}, besides {first}", role.only_one


def share_problems(
    services: Mapping[str, Config], hosts: Mapping[str, tuple[str, ...]]
) -> Iterator[RawProblem]:
    """Hosts that do not mount the volume into which `init` writes their keys."""
    labels = {name: service.get("labels") or {} for name, service in services.items()}
    inits = [name for name in labels if labels[name].get(LABEL) == INIT]
    shares = mounted(services[inits[0]]) if inits else {}
    for name, roles in hosts.items() if inits else ():
        own = mounted(services[name]).get(ETC)
        for role in (role for role in roles if own and role in BY_NAME):
            target = f"{SHARES}/{role}/{name}"
            if shares.get(target) != own:
                mount = (
                    f"mounts {shares[target]} there" if target in shares else "does not mount it"
                )
                reason = f"the host reads its keys from the volume {own}, and {inits[0]} {mount}"
                hint = f"{own}:{target} among the volumes of {inits[0]}"
                yield ("services", name, "volumes", ETC), reason, hint


def mounted(service: Config) -> dict[str, str]:
    """Mount point -> volume."""
    return {
        str(volume.get("target")): str(volume.get("source"))
        for volume in service.get("volumes") or []
        if volume.get("type", "volume") == "volume"
    }
