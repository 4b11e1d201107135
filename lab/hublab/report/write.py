"""Writes a run's report to a file."""

from __future__ import annotations

from pathlib import Path

from hublab.errors import UsageError
from hublab.journal.private_file import write_private
from hublab.progress import Progress
from hublab.report.page import make_page, streams_of
from hublab.report.page_files import page_files


def title_of(run: Path) -> str:
    """A run's name: of its folder, or of its journal's file."""
    return run.name if run.is_dir() else run.stem


def write_report(run: Path, target: Path, progress: Progress) -> None:
    """Write the report of a run, a folder or a journal's file; replaces `target`.

    Only the owner can read it, as the run: logs may hold private data. Raises UsageError where it
    cannot be written, MachineError or EngineError where the page cannot be built.
    """
    files = page_files(progress)
    html = make_page(title_of(run), streams_of(run), files)
    write_whole(target, html.encode())


def write_whole(target: Path, data: bytes) -> None:
    """Write a file that only its owner can read. Raises UsageError where it cannot be written."""
    try:
        write_private(target, data)
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}", where=str(target)) from error
