"""Subnets: a variable for each further network, all of them free and none twice."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from hublab.deployment.networks import further_variables, network_of, subnet_sets
from hublab.engine import Engine
from hublab.errors import UsageError

OVERLAYS = Path(__file__).parents[2] / "compose"


class FakeEngine:
    """An engine with some networks."""

    def __init__(self, used: list[str], **present: str) -> None:
        self.used = used
        self.present = present

    def subnets_in_use(self) -> list[str]:
        return self.used

    def subnets_of(self, lab: str) -> dict[str, str]:
        return self.present

    def subnet_of(self, lab: str) -> str | None:
        return next(iter(self.present.values()), None)


def sets(engine: FakeEngine, *names: str) -> dict[str, str]:
    files = [OVERLAYS / f"{name}.yaml" for name in names]
    return next(subnet_sets(cast(Engine, engine), "x", files))


def test_variables_are_found_in_the_files() -> None:
    files = [OVERLAYS / f"{name}.yaml" for name in ("lab", "bastion", "twonets")]
    assert further_variables(files) == ["HUBLAB_SUBNET_FAR", "HUBLAB_SUBNET_INNER"]
    assert further_variables(files[:1]) == []
    assert network_of("HUBLAB_SUBNET_INNER") == "inner"


def test_every_network_gets_its_own_subnet() -> None:
    chosen = sets(FakeEngine([]), "lab", "bastion", "twonets")
    assert sorted(chosen) == ["HUBLAB_SUBNET", "HUBLAB_SUBNET_FAR", "HUBLAB_SUBNET_INNER"]
    assert len(set(chosen.values())) == 3


def test_a_running_lab_keeps_its_subnets() -> None:
    engine = FakeEngine([], far="198.18.3.0/24", lab="198.19.4.0/24")
    assert sets(engine, "lab", "twonets") == {
        "HUBLAB_SUBNET": "198.19.4",
        "HUBLAB_SUBNET_FAR": "198.18.3",
    }


def test_a_requested_subnet_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBLAB_SUBNET", "198.18.7")
    monkeypatch.setenv("HUBLAB_SUBNET_FAR", "198.18.8")
    assert sets(FakeEngine([]), "lab", "twonets") == {
        "HUBLAB_SUBNET": "198.18.7",
        "HUBLAB_SUBNET_FAR": "198.18.8",
    }
    monkeypatch.setenv("HUBLAB_SUBNET_FAR", "10.0.0")
    with pytest.raises(UsageError, match=r"10\.0\.0(.|\n)*where: HUBLAB_SUBNET_FAR"):
        sets(FakeEngine([]), "lab", "twonets")
