"""The evidence of a run: its journal, and the hosts' logs of tests that failed.

    evidence/<run>/journal.ndjson            one for each worker, merged at the end
    evidence/<run>/<test>/<host>.log

The secrets of labs and settings are never written. Logs may still contain private data, so only the
owner can read the folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hublab.journal.events import Event, RunEnded, SpawnProgress
from hublab.journal.file import Journal, merge, write_merged
from hublab.journal.redaction import Redactor
from hublab.pytest_plugin.item_names import name_of
from hublab.pytest_plugin.logged import subjects, users_in
from hublab.report.test_folders import folder_name

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.running.lab import Lab
    from hublab.running.said import Log

LAB: pytest.StashKey[Lab] = pytest.StashKey()
"""The lab of a test, for its logs."""
STAYS = pytest.StashKey[bool]()
"""Whether the lab of a test outlives the run."""
STARTED_AT = pytest.StashKey[float]()
"""The time at which a test started."""
ENTERED_AT = pytest.StashKey[float]()
"""The time at which its lab was in its case."""
FAILED_AT = pytest.StashKey[float]()
"""The time at which a phase of a test failed, the first one; there is none of a test that holds."""
LOGS: pytest.StashKey[Sequence[Log]] = pytest.StashKey()
"""What was read of the hosts' and servers' logs when a test failed, once for all who tell of it."""


class Evidence:
    """The evidence that one worker of a run writes."""

    def __init__(self, folder: Path, worker: str, keep: str, copy: Path | None = None) -> None:
        """`keep` is `failed`, `all` or `none`; `copy` is a file for the whole run's journal."""
        self.folder = folder
        self.worker = worker
        self.keep = keep
        self.copy = copy
        self.failed = False
        self.running: pytest.Item | None = None
        """The test that has started and not ended."""
        self.events: list[Event] = []
        """What was recorded since that test started."""
        self.also: list[Callable[[pytest.Item], None]] = []
        """What else saves something of a test whose evidence is kept."""
        self.stays = False
        """Whether the journal stays whatever the outcome."""
        self.when_whole: Callable[[Path], None] = lambda folder: None
        """Gets the folder once all journals are closed, before what is not to be kept goes."""
        self.described: set[str] = set()
        """The files of scenarios that the journal describes already."""
        self._journal: Journal | None = None
        self._told_until: dict[str, float] = {}
        """Until when the journal has the log lines of each lab."""

    @property
    def journal(self) -> Journal:
        """This worker's journal, created at the first event."""
        if self._journal is None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True, mode=0o700)
            name = f"journal-{self.worker}.ndjson" if self.worker else "journal.ndjson"
            self._journal = Journal.open(self.folder / name, run=self.folder.name)
            self._journal.watch = lambda entry: self.events.append(entry.event)
        return self._journal

    def record(self, event: Event) -> None:
        """Write an event into the journal."""
        self.journal.write(event)

    def hide(self, texts: Iterable[str]) -> None:
        """Hide these texts in everything written from now on."""
        self.journal.hide_all(texts)

    def begin(self, item: pytest.Item) -> None:
        """Note that a test starts."""
        self.running = item
        self.events = []

    def folder_of(self, item: pytest.Item) -> Path:
        """Where the logs of a test are, if they are kept."""
        return self.folder / folder_name(name_of(item))

    def clean(self, text: str) -> str:
        """A text of a host or a test without secrets, and without the codes and tokens of URLs."""
        return Redactor(()).text(self.journal.redacted(text))

    def save(self, item: pytest.Item) -> None:
        """Save what there is of a test, while its lab is as the test left it."""
        self.save_logs(item)
        for save in self.also:
            save(item)

    def save_logs(self, item: pytest.Item) -> None:
        """Save the logs of all hosts since the test started, without secrets.

        The journal gets them too, line by line on one clock, with those of servers.
        """
        from hublab.running.said import clocks_of, in_order

        lab = item.stash[LAB]
        for clock in clocks_of(lab):
            self.record(clock)
        told = self._told_until.get(lab.name, 0.0)
        self._told_until[lab.name] = time.time()
        logs = self.read_logs(item)
        for one in in_order(lab.name, logs):
            if one.at >= told:
                line = replace(one.line, text=self.clean(one.line.text))
                self.journal.write(line, t=self.journal.at(one.at))
        folder = self.folder_of(item)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for log in logs:
            if not log.server:
                path = folder / f"{log.host}.log"
                path.touch(mode=0o600)
                lines = [*filter(None, [log.missing]), *(line.text for line in log.lines)]
                path.write_text(self.clean("".join(f"{line}\n" for line in lines)))

    def read_logs(self, item: pytest.Item) -> Sequence[Log]:
        """Read the ends of the logs of hosts and servers since the test started, for all to use."""
        from hublab.running.said import read_logs

        users = {event.user for event in self.events if isinstance(event, SpawnProgress)}
        users |= set(users_in(subjects(self.events)))
        item.stash[LOGS] = read_logs(item.stash[LAB], item.stash[STARTED_AT], sorted(users))
        return item.stash[LOGS]

    def close(self) -> None:
        """Close the journal; the controller then merges all, and removes what is not to be kept.

        A worker does neither: it does not know whether another one had a failure or still writes.
        """
        if self._journal is not None:
            self._journal.write(RunEnded(self.folder.name))
            self._journal.close()
        if self.worker:
            return
        whole = self.folder / "journal.ndjson"
        journals = sorted(self.folder.glob("journal*.ndjson"))
        if journals:
            write_merged(merge(journals), whole)
        if self.copy is not None:
            write_merged(merge(journals), self.copy)
        if journals:
            self.when_whole(self.folder)
        if self.stays:
            return
        if self.keep == "none" or (self.keep == "failed" and not self.failed):
            for journal in self.folder.glob("journal*.ndjson"):
                journal.unlink()
            for folder in (self.folder, self.folder.parent):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()


EVIDENCE = pytest.StashKey[Evidence]()
"""The evidence of a run, in its config."""
