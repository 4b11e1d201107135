"""More nodes than the project's own Compose file has: an overlay that adds the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hublab.paths import lab_folder

FEWEST, MOST = 2, 128
"""compose/lab.yaml has two nodes; addresses .31 to .158 belong to nodes."""
FIRST_ADDRESS = 31


def nodes_overlay(lab: str, count: int) -> Path:
    """Write the overlay that gives a lab `count` nodes; it ends with the lab."""
    path = lab_folder(lab) / "nodes.yaml"
    path.write_text(yaml.safe_dump(overlay(count), sort_keys=False))
    return path


def overlay(count: int) -> dict[str, Any]:
    """What Compose lays over compose/lab.yaml: node3 and up, each like node1."""
    names = [f"node{number}" for number in range(FEWEST + 1, count + 1)]
    return {
        "services": {
            "init": {"volumes": [f"{name}:/lab/node/{name}" for name in names]},
            **{name: service(name, number) for number, name in enumerate(names, FEWEST)},
        },
        "volumes": {name: {} for name in names},
    }


def service(name: str, number: int) -> dict[str, Any]:
    """One more node; `number` counts from 0 at node1."""
    address = f"${{HUBLAB_SUBNET:-198.18.0}}.{FIRST_ADDRESS + number}"
    return {
        "image": "hublab-node:${HUBLAB_TAG:-dev}",
        "hostname": name,
        "labels": {"hublab.role": "node"},
        "environment": {"HUBLAB_USERS": "${HUBLAB_USERS:-alice bob carol dave}"},
        "depends_on": {"init": {"condition": "service_completed_successfully"}},
        "stop_grace_period": "5s",
        "networks": {"lab": {"ipv4_address": address}},
        "volumes": [f"{name}:/etc/hublab"],
    }
