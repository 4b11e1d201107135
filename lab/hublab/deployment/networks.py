"""The subnets of a lab: one for each network that its Compose files read from a variable.

`HUBLAB_SUBNET` is the subnet of the main network. A further network has its own variable, such
as `HUBLAB_SUBNET_INNER` for a network named `inner`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hublab.addresses import free_subnets, prefix
from hublab.deployment.variables import requested_subnet, subnet_choices
from hublab.engine import Engine

MAIN = "HUBLAB_SUBNET"
FURTHER = re.compile(rf"{MAIN}_[A-Z0-9_]+")


def further_variables(files: Iterable[Path]) -> list[str]:
    """The variables for further networks in the files."""
    return sorted({name for file in files for name in FURTHER.findall(file.read_text())})


def network_of(variable: str) -> str:
    """The network whose subnet a variable sets: `inner` for HUBLAB_SUBNET_INNER."""
    return variable.removeprefix(f"{MAIN}_").lower()


def subnet_sets(engine: Engine, lab: str, files: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Values for all subnet variables, in the order to try: present, requested, free ones.

    Raises UsageError for a requested subnet that no lab can have.
    """
    variables = further_variables(files)
    present = {net: prefix(subnet) for net, subnet in engine.subnets_of(lab).items()}
    further = {network_of(variable) for variable in variables}
    main = next((subnet for net, subnet in present.items() if net not in further), None)
    for first in [main] if main else subnet_choices(engine, lab):
        chosen = {MAIN: first}
        free = free_subnets([*engine.subnets_in_use(), f"{first}.0/24"])
        for variable in variables:
            requested = os.environ.get(variable)
            chosen[variable] = (
                present.get(network_of(variable))
                or (requested_subnet(requested, variable) if requested else None)
                or prefix(next(free))
            )
        yield chosen
