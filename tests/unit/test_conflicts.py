"""Which plans `up` refuses because a lab of that name runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.deployment.conflicts import refuse_conflict
from hublab.deployment.plan import Plan
from hublab.errors import LabNameError
from hublab.paths import lab_folder, overlay_file
from hublab.topology.model import Host, Topology

FILES = (Path("/a/lab.yaml"), Path("/a/with,comma.yaml"))
OVERLAY = "services: {}\n"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def plan(nodes: int, asked: int | None = None, overlay: str = "") -> Plan:
    hosts = [Host("hub", "hub", "", "hub", "")]
    hosts += [Host(f"node{n}", "node", "", f"node{n}", "") for n in range(1, nodes + 1)]
    return Plan(FILES, overlay, Topology(tuple(hosts), {}), asked)


def engine(names: Sequence[str], files: str, role: str | None = None) -> Any:
    """An engine on which a lab with these hosts runs."""
    containers = [
        SimpleNamespace(
            service=name,
            sidecar_of=None,
            role=name.rstrip("0123456789") if role is None else role,
            roles=(name.rstrip("0123456789"),),
            config_files=files,
        )
        for name in names
    ]
    return SimpleNamespace(containers=lambda lab: containers)


def label(*, overlay: bool) -> str:
    """What Compose records of the files, joined by commas though a name holds one."""
    return ",".join([*map(str, FILES), *([str(overlay_file("x"))] if overlay else [])])


def test_nothing_runs_so_nothing_is_refused() -> None:
    refuse_conflict(engine([], ""), "x", plan(2))


@pytest.mark.parametrize("overlay", [False, True])
def test_the_same_files_find_their_lab(overlay: bool) -> None:
    if overlay:
        lab_folder("x")
        overlay_file("x").write_text(OVERLAY)
    found = engine(["hub", "node1", "node2"], label(overlay=overlay))
    refuse_conflict(found, "x", plan(2, 2 if overlay else None, OVERLAY if overlay else ""))


def test_files_that_have_more_nodes_than_asked_for_find_their_lab() -> None:
    """HUBLAB_NODES=2 with a topology of four: `--nodes` only adds."""
    found = engine(["hub", "node1", "node2", "node3", "node4"], label(overlay=False))
    refuse_conflict(found, "x", plan(4, 2))


@pytest.mark.parametrize(
    ("running", "files", "new", "words"),
    [
        (["hub", "node1", "node2", "node3"], None, plan(2, 2), "with 3 nodes"),
        (["hub", "node1"], None, plan(3, 3, OVERLAY), "with 1 nodes"),
        (["hub", "node1", "node2", "node3"], None, plan(2), "would lose: node3"),
        (["hub", "node1"], "/b/other.yaml", plan(1), "from other files: /b/other.yaml"),
    ],
)
def test_what_would_change_a_lab_is_refused(
    running: list[str], files: str | None, new: Plan, words: str
) -> None:
    if len(running) == 4:  # one of three nodes, with an overlay of its own
        lab_folder("x")
        overlay_file("x").write_text("services: {node3: {}}\n")
    named = files or label(overlay=len(running) == 4)
    with pytest.raises(LabNameError, match=words):
        refuse_conflict(engine(running, named), "x", new)


def test_a_project_that_is_no_lab_is_refused() -> None:
    with pytest.raises(LabNameError, match="no lab"):
        refuse_conflict(engine(["web"], "", role=""), "x", plan(1))
