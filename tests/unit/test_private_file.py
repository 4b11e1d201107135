"""A file that its owner alone can read is written whole, or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hublab.journal.events import Note
from hublab.journal.file import Entry, Journal, merge, read_journal, write_merged
from hublab.journal.private_file import write_private


def test_a_new_file_and_one_that_is_replaced(tmp_path: Path) -> None:
    """The mode is that of a new file, whatever one had that was there; so behind a link."""
    target, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(target)
    for content in (b"one", b"two"):
        write_private(link, content)
        assert (target.read_bytes(), target.stat().st_mode & 0o777) == (content, 0o600)
        assert link.is_symlink()
        target.chmod(0o644)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_private(pipe, b"through")
    reader.join()
    assert (read, pipe.is_fifo(), pipe.stat().st_mode & 0o777) == ([b"through"], True, 0o644)
    with pytest.raises(IsADirectoryError):
        write_private(tmp_path, b"x")


def test_a_text_that_is_none_leaves_the_journal(tmp_path: Path) -> None:
    """Half of a character that needs two is in some programs' output; the journal stays whole."""
    path = tmp_path / "journal.ndjson"
    with Journal.open(path) as journal:
        journal.write(Note("a cell said \ud83d"))
    write_merged(merge([path]), path)
    assert len(read_journal(path)) == 2
    write_merged([*merge([path]), Entry(1.0, Note("\ud83d"))], path)
    assert len(read_journal(path)) == 3
