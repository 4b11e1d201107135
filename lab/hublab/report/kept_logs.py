"""The hosts' logs that a run kept beside its journal, as lines of a journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from hublab.journal.events import Verdict
from hublab.journal.hosts import LogLine, seconds_of
from hublab.report.kept_runs import event_in
from hublab.report.test_folders import folder_name


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
            wall = wall or seconds_of(str(event_in(line).get("wall"))) or 0.0
        elif f'"kind": "{Verdict.kind}"' in line:
            if not logged:
                yield from lines_beside(folder, event_in(line), wall)
            logged = False
        yield line


def lines_beside(folder: Path, verdict: dict[str, object], wall: float) -> Iterator[str]:
    """The kept logs of one test as lines of kind `log_line`.

    A line may begin with the time at which the engine got it (`docker logs --timestamps`). One that
    does not is at the time of the line before, or of the test's beginning.
    """
    try:
        end = float(str(verdict.get("t", 0)))
        begin = end - float(str(verdict.get("seconds", 0)))
    except ValueError:  # it is no verdict of ours
        return
    for path in sorted((folder / folder_name(str(verdict.get("test")))).glob("*.log")):
        at = begin
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            stamp, _, rest = line.partition(" ")
            moment = seconds_of(stamp)
            text = line if moment is None else rest
            at = at if moment is None else min(max(moment - wall, begin), end)
            event = {"lab": "", "host": path.stem, "server": "", "text": text}
            yield json.dumps({"t": round(at, 6), "kind": LogLine.kind, **event})
