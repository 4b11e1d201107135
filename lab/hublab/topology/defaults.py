"""A topology of one's own may say no more than which hosts there are and what each is for.

A service that has a role and no image gets what the project's own topology gives such a host:
image, address, keys, published port; and where no service has the role init, one is added. What
the file says itself stays. The result is an overlay, so that Compose does the merging.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hublab.topology.labels import (
    ETC,
    INIT_ROLE,
    ROLE_LABEL,
    SHARES,
    Fault,
    label_faults,
    roles_of,
)
from hublab.topology.positions import Sources
from hublab.topology.reading import Problem, TopologyErrors

Service = Mapping[str, Any]

USERS = "${HUBLAB_USERS:-alice bob carol dave}"
BASE = "${HUBLAB_BASE:-debian:trixie-slim}"
TAG = "${HUBLAB_TAG:-dev}"
SUBNET = "${HUBLAB_SUBNET:-198.18.0}"
CA = "${HUBLAB_CA:-/etc/ssl/certs/ca-certificates.crt}"
NETWORK = "lab"
INIT = "init"

TARGETS = {
    ("hub",): ("hub", 10),
    ("hub", "proxy"): ("onebox", 10),
    ("proxy",): ("proxy", 20),
    ("node",): ("node", 31),
    ("client",): ("client", 5),
}
"""The roles of a host -> its image's target, and the last part of the first such address."""
MADE_FROM = frozenset({"image", "build", "extends"})
PORTS = {
    "proxy": "127.0.0.1:${HUBLAB_PROXY_PORT:-8000}:8000",
    "client": "127.0.0.1:${HUBLAB_CLIENT_PORT:-8022}:22",
}


class _Loader(yaml.SafeLoader):
    """Compose's own tags (!reset, !override) mean nothing here."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def services_of(files: Iterable[Path]) -> dict[str, Service]:
    """The services as the files say them, what a later file says over an earlier one's.

    What cannot be read is left out: Compose says better what is wrong with it.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        services = content.get("services") if isinstance(content, dict) else None
        for name, service in (services if isinstance(services, dict) else {}).items():
            if isinstance(service, dict):
                found.setdefault(str(name), {}).update(service)
    return dict(found)


def roles_by_label(service: Service) -> tuple[str, ...]:
    """The roles that a service's label names, in either way of writing labels."""
    labels = service.get("labels") or {}
    if isinstance(labels, list):
        labels = dict(str(label).partition("=")[::2] for label in labels)
    return roles_of(str(labels.get(ROLE_LABEL, ""))) if isinstance(labels, dict) else ()


def completion(services: Mapping[str, Service], root: Path) -> dict[str, Any] | None:
    """The overlay that completes what the files say; None where nothing is missing.

    `root` is the project's folder, from which the images are built.
    """
    roles = {name: roles_by_label(service) for name, service in services.items()}
    bare = [
        name
        for name, service in services.items()
        if roles[name] in TARGETS and not MADE_FROM & set(service)
    ]
    if not bare:
        return None
    taken: dict[str, int] = {}
    added = {name: completed(name, services[name], roles[name], taken, root) for name in bare}
    if not any(INIT_ROLE in names for names in roles.values()):
        added[INIT] = init_service({name: roles[name] for name in bare}, root)
    return {
        "services": added,
        "networks": {NETWORK: {"ipam": {"config": [{"subnet": f"{SUBNET}.0/24"}]}}},
        "volumes": {name: {} for name in bare},
        "secrets": {"ca": {"file": CA}},
    }


def faults(services: Mapping[str, Service]) -> Iterator[Fault]:
    """Services that can neither be completed nor stand as they are.

    Compose would name one of them, by chance, and not the word that is wrong.
    """
    for name, service in services.items():
        roles = roles_by_label(service)
        if MADE_FROM & set(service) or roles in TARGETS:
            continue
        known = ", ".join(",".join(one) for one in TARGETS)
        wrong = list(label_faults(",".join(roles))) if roles else []
        for reason, hint in wrong:
            yield ("services", name, "labels", ROLE_LABEL), reason, hint
        if not wrong:
            reason = "neither an image nor a role that the lab has an image for"
            hint = f"image: …, or a label {ROLE_LABEL} ({known}), or the file that this one changes"
            yield ("services", name), reason, hint


def completed(
    name: str, service: Service, roles: tuple[str, ...], taken: dict[str, int], root: Path
) -> dict[str, Any]:
    """What a host lacks; an address only where the file puts it on no network of its own."""
    target, first = TARGETS[roles]
    number = taken[target] = taken.get(target, -1) + 1
    usual: dict[str, Any] = {
        **built(target, root),
        "hostname": name,
        "depends_on": {INIT: {"condition": "service_completed_successfully"}},
        "stop_grace_period": "5s",
        "networks": {NETWORK: {"ipv4_address": f"{SUBNET}.{first + number}"}},
        "volumes": [f"{name}:{ETC}"],
        "ports": [PORTS[role] for role in roles if role in PORTS],
        "environment": {"HUBLAB_USERS": USERS} if target == "node" else {},
    }
    merged = ("depends_on", "volumes", "environment")  # Compose joins these with the file's own
    return {
        key: value
        for key, value in usual.items()
        if value and (key in merged or key not in service)
    }


def init_service(hosts: Mapping[str, tuple[str, ...]], root: Path) -> dict[str, Any]:
    """The service that makes the keys of these hosts."""
    return {
        **built("tools", root),
        "labels": {ROLE_LABEL: INIT_ROLE},
        "network_mode": "none",
        "init": True,
        "command": ["python3", "/opt/hublab/init.py"],
        "environment": {"HUBLAB_USERS": USERS},
        "volumes": [
            f"{name}:{SHARES}/{role}/{name}" for name, roles in hosts.items() for role in roles
        ],
    }


def built(target: str, root: Path) -> dict[str, Any]:
    """The image of a target, and how it is built."""
    return {
        "image": f"hublab-{target}:{TAG}",
        "build": {
            "context": str(root),
            "dockerfile": "compose/images/Dockerfile",
            "target": target,
            "args": {"BASE": BASE},
            "secrets": ["ca"],
        },
    }


def with_completion(
    files: Sequence[Path], folder: Callable[[], Path], root: Path
) -> tuple[Path, ...]:
    """The files, and the overlay that completes them where they need one; `folder` is for that.

    Raises TopologyErrors for services that cannot be completed, each with file and line.
    """
    services = services_of(files)
    if wrong := list(faults(services)):
        sources = Sources(files)
        raise TopologyErrors(Problem.at(sources, *fault) for fault in wrong)
    overlay = completion(services, root)
    if overlay is None:
        return tuple(files)
    path = folder() / "completed.yaml"
    path.write_text(yaml.safe_dump(overlay, sort_keys=False))
    return (*files, path)
