"""`--lab-capture`: who talked to whom, in the journal of tests whose evidence is kept.

The packets of a lab's hosts are kept in rings from its first test on. They are read when the
evidence of a test is saved, and begin anew with the next test.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hublab.errors import HublabError
from hublab.journal.events import Note
from hublab.progress import Progress
from hublab.pytest_plugin.evidence_store import EVIDENCE, LAB, STARTED_AT

if TYPE_CHECKING:  # collecting tests needs no Docker
    from hublab.capture.capture import Capture
    from hublab.running.lab import Lab


class Captures:
    """The captures of one worker: at most one for each lab."""

    def __init__(self) -> None:
        """None has begun."""
        self.of: dict[str, Capture] = {}

    def begin(self, lab: Lab, progress: Progress) -> None:
        """Capture on all hosts of a lab from now on."""
        from hublab.capture.capture import Capture
        from hublab.capture.image import capture_image

        running = self.of.get(lab.name)
        if running is not None and running.is_usable():
            return
        self.remove(lab.name)
        self.of[lab.name] = Capture.begin(lab, capture_image(lab, progress))

    def save(self, item: pytest.Item) -> None:
        """Write into the journal what was captured since a test started."""
        from hublab.capture.recording import cleaner, record

        capture = self.of.get(item.stash[LAB].name)
        if capture is None:
            return
        evidence = item.config.stash[EVIDENCE]
        try:
            since = max(item.stash[STARTED_AT], capture.begun)
            record(evidence.journal, capture.read(since, cleaner(())))
        except HublabError as error:  # it must not hide why the test failed
            evidence.record(Note("what was captured could not be read", {"error": str(error)}))
        self.remove(capture.lab.name)

    def remove(self, lab: str) -> None:
        """Forget the packets of a lab's hosts."""
        if capture := self.of.pop(lab, None):
            capture.remove()


CAPTURES = pytest.StashKey[Captures]()
"""The captures of a run, in its config; only with `--lab-capture`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab-capture`."""
    parser.getgroup("hublab").addoption(
        "--lab-capture",
        action="store_true",
        help="capture what hosts say to each other during each test, and write into the journal "
        "who talked to whom in tests whose evidence is kept",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have the evidence of a test include what was captured."""
    if not config.getoption("--lab-capture"):
        return
    if config.getoption("--lab-evidence") == "none":
        raise pytest.UsageError("--lab-capture keeps nothing with --lab-evidence=none")
    captures = config.stash[CAPTURES] = Captures()
    config.stash[EVIDENCE].also.append(captures.save)


async def begin_capture(config: pytest.Config, lab: Lab, progress: Progress) -> None:
    """Capture on a lab's hosts from now on, where that was asked for. Raises EngineError."""
    if captures := config.stash.get(CAPTURES, None):
        await asyncio.to_thread(captures.begin, lab, progress)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Forget all packets: a lab may outlive the run."""
    if captures := session.config.stash.get(CAPTURES, None):
        for lab in list(captures.of):
            captures.remove(lab)
