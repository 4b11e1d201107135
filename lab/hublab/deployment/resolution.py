"""Resolves a plan for an engine: the images, subnets and ports that its lab gets there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hublab.deployment.networks import subnet_sets
from hublab.deployment.plan import Plan
from hublab.deployment.variables import all_variables, ports
from hublab.engine import Compose, Engine
from hublab.engine.images import inputs_digest
from hublab.machine.base_image import choose_base
from hublab.paths import ROOT
from hublab.progress import Progress
from hublab.topology.model import Topology

SUBNET_TRIES = 5
"""How many choices of subnets `up` tries before it gives up."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plan with values for all variables of its Compose files."""

    compose: Compose
    config: Mapping[str, Any]
    """The files as Compose merges them, with the first choice of subnets."""
    images: Mapping[str, str]
    """Role -> the image of its first host."""
    subnets: tuple[Mapping[str, str], ...]
    """Choices for the subnet variables, the best first."""


def resolve(plan: Plan, name: str, engine: Engine, progress: Progress) -> Resolved:
    """Choose images, subnets and ports for a lab of this name.

    Builds the base image where the engine has none. What a lab of this name has already stays.
    Raises UsageError for a subnet or port that the user asks for and that cannot be had.
    """
    base = choose_base(engine, progress)
    tag = inputs_digest(ROOT, engine.image_id(base) or base)
    chosen = ports(engine, engine.containers(name))
    choices = subnet_sets(engine, name, plan.files)
    subnets = tuple(itertools.islice(choices, SUBNET_TRIES))
    compose = plan.compose(name, {**all_variables(name, chosen, base, tag), **subnets[0]})
    config = compose.config()
    return Resolved(compose, config, images_by_role(plan.topology, config), subnets)


def images_by_role(topology: Topology, config: Mapping[str, Any]) -> dict[str, str]:
    """The image of the first host of each role."""
    return {
        role: str(config["services"][host.service]["image"])
        for host in reversed(topology.hosts)
        for role in host.roles
    }
