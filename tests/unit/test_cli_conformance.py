"""What `hublab conformance` refuses before it builds anything, and how rows are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from hublab.cli.conformance import check
from hublab.conformance import MARK, conformance, subject_files
from hublab.engine import Engine
from hublab.errors import LabError, UsageError


@pytest.mark.parametrize("name", ["sh", "my spawner.Class", "--spawner", "a..b", ""])
def test_no_spawner(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a spawner"):
        check(name, None)


def test_the_wrong_module() -> None:
    with pytest.raises(UsageError, match=r"is not the module of mine\.Spawner"):
        check("mine.Spawner", Path("theirs.py"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the file"):
        subject_files(tmp_path / "mine.py", None)


class Prints:
    """In place of an engine: a run that prints these lines."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    def run_streaming(self, *_: Any) -> Iterator[str]:
        yield from self.lines


def test_rows_among_other_lines() -> None:
    row = {"demand": "d", "source": "s", "outcome": "held", "seconds": 1.0, "reason": ""}
    engine = cast(Engine, Prints("noise", "." + MARK + json.dumps(row), "1 passed"))
    (found,) = conformance(engine, "image", "ssh", [], lambda line: None)
    assert (found.demand, found.outcome) == ("d", "held")


def test_no_row_is_an_error() -> None:
    with pytest.raises(LabError, match="no row could be run:\n    ImportError"):
        conformance(cast(Engine, Prints("ImportError")), "image", "ssh", [], lambda line: None)
