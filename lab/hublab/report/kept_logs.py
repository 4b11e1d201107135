"""The hosts' logs that a run kept beside its journal, as lines of a journal.

Programs write their own times into their lines, so a line is at the time that it names, by the
clock of its host; a line without one is at the time of the line before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from hublab.journal.events import Verdict
from hublab.journal.hosts import LogLine
from hublab.journal.redaction import Redactor
from hublab.report.kept_runs import event_in
from hublab.report.test_folders import folder_name

STAMP = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)")
BEYOND = 5.0
"""Seconds by which a named time may lie outside of its test; others are of something else."""


def with_kept_logs(folder: Path, lines: Iterable[str]) -> Iterator[str]:
    """The lines of a run's journal, with the kept logs of each test before its verdict.

    A test whose log lines are in the journal already gets no second ones.
    """
    wall = 0.0
    logged = False
    for line in lines:
        if '"kind": "log_line"' in line:
            logged = True
        elif '"kind": "run_started"' in line:
            wall = wall or wall_of(line)
        elif f'"kind": "{Verdict.kind}"' in line:
            if not logged:
                yield from lines_beside(folder, event_in(line), wall)
            logged = False
        yield line


def wall_of(line: str) -> float:
    """The time of day at `t` 0, in seconds of the Unix clock; 0 where the line has none."""
    try:
        return datetime.fromisoformat(str(event_in(line).get("wall"))).timestamp()
    except ValueError:
        return 0.0


def lines_beside(folder: Path, verdict: dict[str, object], wall: float) -> Iterator[str]:
    """The kept logs of one test as lines of kind `log_line`."""
    end = float(str(verdict.get("t", 0)))
    begin = end - float(str(verdict.get("seconds", 0)))
    clean = Redactor(())
    for path in sorted((folder / folder_name(str(verdict.get("test")))).glob("*.log")):
        at = begin
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            named = seconds_named(line, wall + begin) - wall
            at = named if begin - BEYOND <= named <= end + BEYOND else at
            event = {"lab": "", "host": path.stem, "server": "", "text": clean.text(line)}
            inside = min(max(at, begin), end)
            yield json.dumps({"t": round(inside, 6), "kind": LogLine.kind, **event})


def seconds_named(line: str, near: float) -> float:
    """The time that a line names, in seconds of the Unix clock; 0 where it names none.

    A time without a date is of the day of `near`. Hosts of a lab are on UTC.
    """
    found = STAMP.search(line[:80])
    if not found:
        return 0.0
    day = found[1] or datetime.fromtimestamp(near, UTC).date().isoformat()
    try:
        moment = datetime.fromisoformat(f"{day}T{found[2].replace(',', '.')}")
    except ValueError:
        return 0.0
    return moment.replace(tzinfo=UTC).timestamp()
