"""The page of states has what tests that held have seen, and nothing else."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

PAGES = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "state_pages.py"))
FILE = "scenarios/x/test_life.py"


def line(t: float, kind: str, **data: Any) -> str:
    return json.dumps({"t": t, "kind": kind, **data}) + "\n"


def journal(path: Path, outcome: str = "held") -> Path:
    """A run that watched one start, and asked for one page."""
    asked = {"method": "GET", "url": "http://proxy:8000/user/alice/?x=1", "headers": []}
    steps = [
        {
            "method": "GET",
            "url": asked["url"],
            "status": 302,
            "location": "/hub/login?next=%2Fuser%2Falice%2F",
        }
    ]
    states = [[0.0, "stopped"], [0.1, "spawn"], [0.9, "ready"]]
    verdict = {"case": "default", "outcome": outcome, "seconds": 1.0, "message": ""}
    seen = {"status": 200, "headers": [], "bytes": 9, "redirects": steps}
    path.write_text(
        line(0, "run_started", run="r", wall="2026-01-01T00:00:00+00:00")
        + line(1, "observation", probe="server_states", data={"asked": {}, "seen": states})
        + line(2, "observation", probe="request", data={"asked": asked, "seen": seen})
        + line(3, "verdict", test=f"{FILE}::test_it[default]", **verdict)
    )
    return path


def test_rows_of_a_test_that_held(tmp_path: Path) -> None:
    kept = PAGES["kept_of"]([journal(tmp_path / "journal.ndjson")])
    assert kept["server"] == [["spawn", "ready", [FILE]], ["stopped", "spawn", [FILE]]]
    assert kept["steps"] == [
        ["GET", "/hub/login", 200, "", [FILE]],
        ["GET", "/user/NAME", 302, "/hub/login", [FILE]],
    ]
    page = PAGES["page"](kept, "jupyterhub 1")
    assert "  stopped --> spawn" in page
    assert 'p0["/user/NAME"]' in page
    assert '-->|"GET 302"|' in page
    assert "| GET `/hub/login` | 200 | [life](../scenarios/x/test_life.py) |" in page


def test_a_test_that_failed_tells_nothing(tmp_path: Path) -> None:
    kept = PAGES["kept_of"]([journal(tmp_path / "journal.ndjson", "failed")])
    assert kept == {"server": [], "parts": [], "steps": []}


def test_names_of_servers_and_users_are_left_out() -> None:
    pages = ["/user/bob/second/lab", "/hub/spawn-pending/bob", "/hub/user/bob/", "/user/bob/lab"]
    assert [PAGES["page_of"](f"http://proxy{one}") for one in pages] == [
        "/user/NAME/lab",
        "/hub/spawn-pending/NAME",
        "/hub/user/NAME",
        "/user/NAME/lab",
    ]
