"""Writes what captures saw into a journal, on its clock and without secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from hublab.capture.clean_paths import clean_path
from hublab.capture.happened import Happened
from hublab.journal.file import Journal
from hublab.journal.redaction import Redactor


def cleaner(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these secrets, and those of queries, out of a path."""
    redactor = Redactor(secrets)
    return lambda path: clean_path(path, redactor)


def record(journal: Journal, happened: Iterable[Happened]) -> None:
    """Write events at the time at which they were.

    Packets are stamped by the kernel of the machine on which the journal is written, so that they
    have its time of day whatever a host's programs believe.
    """
    ahead = time.time() - journal.now()
    for t, event in happened:
        journal.write(event, t=t - ahead)
