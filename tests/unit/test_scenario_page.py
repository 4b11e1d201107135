"""The page on writing scenarios leaves out nothing that there is to take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing_scenarios.md").read_text()
NAMED = set(re.findall(r"`(\w+)", PAGE))


def test_every_probe_is_named() -> None:
    probes = {path.stem for path in (ROOT / "lab/hublab/probes").glob("*.py")} - {"__init__"}
    assert probes <= NAMED


def test_every_marker_is_named(pytestconfig: pytest.Config) -> None:
    lines = [line.split("(")[0].split(":")[0] for line in pytestconfig.getini("markers")]
    ours = {
        "topology",
        "matrix",
        "side_by_side",
        "may_refuse",
        "issue",
        "finding",
        "sabotage",
        "slow",
    }
    assert ours <= set(lines)
    assert ours <= NAMED
