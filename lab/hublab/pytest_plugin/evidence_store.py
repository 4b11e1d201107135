"""The evidence of a run: its journal, and the hosts' logs of tests that failed.

    evidence/<run>/journal.ndjson            one for each worker, merged at the end
    evidence/<run>/<test>/<host>.log

The secrets of labs and settings are never written. Logs may still contain private data, so only the
owner can read the folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hublab.errors import HublabError
from hublab.journal.events import Event
from hublab.journal.file import Journal
from hublab.journal.redaction import Redactor
from hublab.pytest_plugin.item_names import folder_name, name_of

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.running.lab import Lab

LAB: pytest.StashKey[Lab] = pytest.StashKey()
"""The lab of a test, for its logs."""
STARTED_AT = pytest.StashKey[float]()
"""The time at which a test started."""


class Evidence:
    """The evidence that one worker of a run writes."""

    def __init__(self, folder: Path, worker: str, keep: str) -> None:
        """`keep` is `failed`, `all` or `none`."""
        self.folder = folder
        self.worker = worker
        self.keep = keep
        self.failed = False
        self.running: pytest.Item | None = None
        """The test that has started and not ended."""
        self._journal: Journal | None = None

    @property
    def journal(self) -> Journal:
        """This worker's journal, created at the first event."""
        if self._journal is None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True, mode=0o700)
            name = f"journal-{self.worker}.ndjson" if self.worker else "journal.ndjson"
            self._journal = Journal.open(self.folder / name, run=self.folder.name)
        return self._journal

    def record(self, event: Event) -> None:
        """Write an event into the journal."""
        self.journal.write(event)

    def hide(self, texts: Iterable[str]) -> None:
        """Hide these texts in everything written from now on."""
        for text in texts:
            self.journal.hide(text)

    def save_logs(self, item: pytest.Item) -> None:
        """Save the logs of all hosts since the test started, without secrets."""
        lab = item.stash[LAB]
        folder = self.folder / folder_name(name_of(item))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        redactor = Redactor(())  # for the codes and tokens in URLs
        for host in lab.hosts.values():
            try:
                log = lab.engine.logs(host.id, since=item.stash[STARTED_AT])
            except HublabError as error:  # an unreadable log must not hide why the test failed
                log = f"hublab: this log could not be read: {error}\n"
            path = folder / f"{host.service}.log"
            path.touch(mode=0o600)
            path.write_text(redactor.text(self.journal.redacted(log)))

    def close(self) -> None:
        """Close the journal, and remove what is not to be kept.

        With several workers only the controller removes files, because a worker does not know
        whether another one had a failure or is still writing.
        """
        if self._journal is not None:
            self._journal.close()
        if self.worker:
            return
        if self.keep == "none" or (self.keep == "failed" and not self.failed):
            for journal in self.folder.glob("journal*.ndjson"):
                journal.unlink()
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()


EVIDENCE = pytest.StashKey[Evidence]()
"""The evidence of a run, in its config."""
