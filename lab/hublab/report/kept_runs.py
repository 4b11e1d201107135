"""The runs whose evidence is kept: which there are, how they ended, and how many stay."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hublab.errors import MachineError, UsageError
from hublab.paths import ROOT, evidence_folder

MOST_RUNS = 100
"""Runs that stay in a folder of evidence; after each run of pytest the oldest beyond them go."""
NAME = re.compile(r"\d{8}T\d{6}-[\w.-]+")
"""The name of a run's folder: the time at which it began, and what tells it apart."""
JOURNAL = "journal.ndjson"
FAILED = ("error", "failed", "undecided")
"""In the order in which one of them is what a whole run came to."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """One run that is kept."""

    name: str
    folder: Path
    wall: str
    """When it began (ISO 8601); empty where its journal does not say."""
    outcomes: dict[str, int]
    """How many tests ended in which way; `answered` counts the cases of `hublab matrix`."""
    ended: bool
    """Whether it came to its end; a killed run did not."""
    size: int
    """Bytes of all its files."""

    @property
    def outcome(self) -> str:
        """In one word: `failed`, `undecided`, `answered` for a matrix, or `held`.

        It is `cut` for half a run in which nothing failed.
        """
        *worse, undecided = FAILED
        if any(self.outcomes.get(one) for one in worse):
            return "failed"
        if self.outcomes.get(undecided):
            return undecided
        if not self.ended:
            return "cut"
        return "answered" if set(self.outcomes) == {"answered"} else "held"


def evidence_here() -> Path:
    """The folder of evidence of the project in which one stands, else hublab's own."""
    here = Path.cwd() / "evidence"
    return here if here.is_dir() else evidence_folder(ROOT)


def journals_of(folder: Path) -> list[Path]:
    """The journals of a run: those of its workers, or the only one.

    Where workers wrote, the merged journal has the same lines, and no longer says whose they are.
    """
    return sorted(folder.glob("journal-*.ndjson")) or [folder / JOURNAL]


def lines_of(journal: Path) -> list[str]:
    """The complete lines of a journal; that on which its writer was killed is left out.

    Raises UsageError for a file that cannot be read.
    """
    try:
        *lines, tail = journal.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(
            f"cannot read the journal: {error.strerror}",
            where=str(journal),
            hint="a folder of a run, a journal's file, or a name that `hublab runs` lists",
        ) from None
    del tail
    return [line.decode(errors="replace") for line in lines if line]


def event_in(line: str) -> dict[str, Any]:
    """The event of a line as an object; an empty one where the line is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def kept_runs(evidence: Path) -> list[KeptRun]:
    """All runs below a folder of evidence, the newest first."""
    if not evidence.is_dir():
        return []
    return [read_run(folder) for folder in sorted(run_folders(evidence), reverse=True)]


def run_folders(evidence: Path) -> Iterable[Path]:
    """The folders of runs; what people put beside them is none."""
    return (one for one in evidence.iterdir() if NAME.fullmatch(one.name) and one.is_dir())


def read_run(folder: Path) -> KeptRun:
    """What `hublab runs` says of a run, of which nothing but its folder may be there."""
    outcomes: Counter[str] = Counter()
    begun = ended = 0
    wall = ""
    for journal in journals_of(folder):
        for line in lines_of(journal) if journal.is_file() else ():
            # Most lines are logs and requests, which need not be read for this.
            if '"kind": "verdict"' in line:
                outcomes[str(event_in(line).get("outcome"))] += 1
            elif '"kind": "case_answered"' in line:
                outcomes["answered"] += 1
            elif '"kind": "run_started"' in line:
                begun += 1
                wall = wall or str(event_in(line).get("wall", ""))
            elif '"kind": "run_ended"' in line:
                ended += 1
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return KeptRun(folder.name, folder, wall, dict(outcomes), 0 < begun <= ended, size)


def find_run(evidence: Path, name: str | None) -> Path:
    """The folder or journal of a run: by its name or the beginning of it, by a path, or the newest.

    Raises UsageError, which says which there are.
    """
    folders = sorted(run_folders(evidence)) if evidence.is_dir() else []
    if name is None:
        folders = [one for one in folders if any(path.is_file() for path in journals_of(one))]
        if not folders:
            raise UsageError(
                "no run is kept here",
                where=str(evidence),
                hint="pytest scenarios/ --lab-evidence=all keeps its own; or name a folder",
            )
        return folders[-1]
    path = Path(name)
    lines = lines_of(path) if path.is_file() else []
    if lines and not {"t", "kind"} <= event_in(lines[0]).keys():
        raise UsageError("it is no journal: its first line is no event", where=name)
    if path.is_file() or (path.is_dir() and any(one.is_file() for one in journals_of(path))):
        return path
    found = [one for one in folders if one.name == name] or [
        one for one in folders if one.name.startswith(name)
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(one.name for one in (found or folders)[-5:])
    reason = f"{len(found)} runs begin with {name}" if found else f"there is no run {name}"
    raise UsageError(reason, where=str(evidence), hint=known or "`hublab runs` lists those kept")


def prune_runs(evidence: Path, keep: int = MOST_RUNS) -> list[str]:
    """Remove the oldest runs beyond `keep`; returns their names. Raises MachineError."""
    folders = sorted(run_folders(evidence)) if evidence.is_dir() else []
    gone = folders[: max(0, len(folders) - keep)]
    for folder in gone:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise MachineError(
                f"cannot remove an old run: {error.strerror}", where=str(folder)
            ) from error
    return [folder.name for folder in gone]
