"""Chooses what of a hundred questions a table has room for: what tells the cases apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hublab.cases.case_table import Seen

MOST = 8
"""Columns; a file (`--lab-table=FILE.csv`) has all."""
NOT_ASKED = Seen("-")
LONGEST_HEAD = 24
"""Characters of a question that is its own column's head; a longer one stands below the table."""


@dataclass(frozen=True, slots=True)
class Column:
    """Questions whose answers are the same in every case."""

    head: str
    questions: tuple[str, ...]
    cells: tuple[Seen, ...]

    @property
    def differs(self) -> bool:
        return len({cell.short for cell in self.cells}) > 1


def all_columns(cases: Sequence[Mapping[str, Seen]]) -> list[Column]:
    """One column for each question, in the order in which they were asked first."""
    questions = dict.fromkeys(question for case in cases for question in case)
    return [
        Column(one, (one,), tuple(case.get(one, NOT_ASKED) for case in cases)) for one in questions
    ]


def few_columns(cases: Sequence[Mapping[str, Seen]]) -> tuple[list[Column], int]:
    """The columns that are shown, and the number of questions that are not.

    Questions with the same answers share a column. What differs between cases comes first, and
    of that what most questions have for an answer.
    """
    alike: dict[tuple[str, ...], list[Column]] = {}
    for column in all_columns(cases):
        alike.setdefault(tuple(cell.short for cell in column.cells), []).append(column)
    grouped = sorted(alike.values(), key=lambda group: (not group[0].differs, -len(group)))
    shown, left = grouped[:MOST], grouped[MOST:]
    columns = []
    for number, group in enumerate(shown, 1):
        questions = tuple(name for one in group for name in one.questions)
        short = len(questions) == 1 and len(questions[0]) <= LONGEST_HEAD
        columns.append(
            Column(questions[0] if short else f"seen {number}", questions, group[0].cells)
        )
    return columns, sum(len(one.questions) for group in left for one in group)


def legend(columns: Sequence[Column], width: int) -> list[str]:
    """What the columns stand for whose heads do not say it; of many questions the first three."""
    lines = []
    for column in columns:
        if column.head == column.questions[0]:
            continue
        more = len(column.questions) - 3
        shown = [*column.questions[:3], *([f"and {more} more"] if more > 0 else [])]
        lines += [
            f"{'' if n else column.head:<{width}}  {question}" for n, question in enumerate(shown)
        ]
    return lines
