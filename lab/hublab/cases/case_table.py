"""A table of cases: settings, then what was seen in each, for a terminal, as CSV, as Markdown.

Used by `hublab matrix` and by pytest's `--lab-table`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.table import Table
from rich.text import Text

from hublab.cases.surroundings import NAMES

MARK = "≠ "
"""Before what differs from the first row, where colours cannot say it."""
EMPTY = "''"
"""An empty value, which is to be seen too."""
LONGEST = 160
"""Characters of an answer that stand in its cell, to the last whole word; below the table it is
whole."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one question had for an answer. `ok` is false where something did not work at all."""

    short: str
    ok: bool = True
    detail: str = ""


class TableRow(Protocol):
    """One case: the values of the axes as text, and the answer to each question."""

    @property
    def id(self) -> str: ...
    @property
    def values(self) -> Mapping[str, str]: ...
    @property
    def cells(self) -> Mapping[str, Seen]: ...


Rows = Sequence[TableRow]


def short_names(keys: Sequence[str]) -> list[str]:
    """The axes by the last part of their names, or in full where two would be alike."""
    last = [key if key in NAMES else key.rpartition(".")[2] for key in keys]
    return [
        full if last.count(short) > 1 else short for full, short in zip(keys, last, strict=True)
    ]


def case_table(columns: Sequence[str], rows: Rows, *, coloured: bool) -> Table:
    """The table. What did not work is red, and what differs from the first row is bold."""
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    heads = (name if "/" in name else name.upper() for name in columns)  # a path is as it is
    for name in (*short_names(list(rows[0].values)), *heads):
        shown.add_column(name, overflow="fold")
    for row in rows:
        values = (Text(value or EMPTY) for value in row.values.values())
        shown.add_row(*values, *answers(columns, row, rows[0], coloured=coloured))
    return shown


def needed_width(table: Table) -> int:
    """The columns of a terminal that a table needs, to break no word."""
    cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    return sum(max(len(word) for one in own for word in one.split() or [""]) + 3 for own in cells)


def case_blocks(columns: Sequence[str], rows: Rows, *, coloured: bool) -> Text:
    """The same for a narrow terminal: one case below the other, a line for each cell."""
    headers = [*short_names(list(rows[0].values)), *columns]
    width = max(map(len, headers))
    blocks = []
    for row in rows:
        values = (Text(value or EMPTY) for value in row.values.values())
        cells = [*values, *answers(columns, row, rows[0], coloured=coloured, width=None)]
        lines = [
            Text.assemble((f"{header:<{width}}  ", "dim"), cell)
            for header, cell in zip(headers, cells, strict=True)
        ]
        blocks.append(Text("\n").join(lines))
    return Text("\n\n").join(blocks)


def answers(
    columns: Sequence[str],
    row: TableRow,
    first: TableRow,
    *,
    coloured: bool,
    width: int | None = LONGEST,
) -> list[Text]:
    """The cells of a row, with what tells them from those of the first."""
    found = []
    for name in columns:
        cell = row.cells[name]
        differs = cell.short != first.cells[name].short
        style = "red" if not cell.ok else "yellow" if differs else ""
        mark = MARK if differs and not coloured else ""
        style = f"bold {style}".strip() if differs else style
        text = shortened(cell.short, width) if width else cell.short
        found.append(Text(mark + text, style=style))
    return found


def reason_lines(columns: Sequence[str], rows: Rows) -> list[str]:
    """Below the table: each reason of a failure once, with its questions and cases."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (name, detail), where in reasons(columns, rows).items():
        alike.setdefault((detail, tuple(where)), []).append(name)
    return [
        f"\n{', '.join(asked)}, {which_cases(where, rows)}:\n    {indented(detail)}"
        for (detail, where), asked in alike.items()
    ]


def which_cases(some: Sequence[str], rows: Rows) -> str:
    """Cases in few words: by the values that they, and only they, have in common, else one by one.

    What every case has is left out.
    """
    if len(some) == len(rows):
        return "in every case"
    own = [row for row in rows if row.id in some]
    names = dict(zip(rows[0].values, short_names(list(rows[0].values)), strict=True))
    varying = [key for key in names if len({row.values[key] for row in rows}) > 1]
    common = [key for key in varying if len({row.values[key] for row in own}) == 1]

    def told(row: TableRow, shown: Sequence[str]) -> str:
        return ", ".join(f"{names[key]}={row.values[key] or EMPTY}" for key in shown)

    alike = [row for row in rows if all(row.values[key] == own[0].values[key] for key in common)]
    if common and len(alike) == len(own):
        return f"where {told(own[0], common)}"
    return "where " + "; ".join(told(row, varying) for row in own)


def reasons(columns: Sequence[str], rows: Rows) -> dict[tuple[str, str], list[str]]:
    """Why something did not work: question and reason, each once, with its cases."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name in columns:
            cell = row.cells[name]
            if not cell.ok and cell.detail:
                found.setdefault((name, cell.detail), []).append(row.id)
    return found


def shortened(text: str, width: int = LONGEST) -> str:
    """A text to its last whole word that has room."""
    return text if len(text) <= width else text[: width - 1].rpartition(" ")[0] + " …"


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def as_csv(columns: Sequence[str], rows: Rows) -> str:
    """One line a case: the axes' full names, the answers, and a column of details for each."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*rows[0].values, *columns, *(f"{name} (detail)" for name in columns)])
    for row in rows:
        cells = [row.cells[name] for name in columns]
        shorts, details = (c.short for c in cells), (c.detail for c in cells)
        writer.writerow([*row.values.values(), *shorts, *details])
    return written.getvalue()


def as_markdown(columns: Sequence[str], rows: Rows) -> str:
    """A table for an issue or a page; what did not work is bold."""

    def line(cells: Sequence[str]) -> str:
        return (
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        )

    head = [*(f"`{key}`" for key in rows[0].values), *columns]
    lines = [line(head), line(["---"] * len(head))]
    for row in rows:
        cells = [row.cells[name] for name in columns]
        told = [cell.short if cell.ok else f"**{cell.short}**" for cell in cells]
        lines.append(line([*(f"`{value}`" for value in row.values.values()), *told]))
    return "\n".join(lines)


FORMS: Mapping[str, Callable[[Sequence[str], Rows], str]] = {".csv": as_csv, ".md": as_markdown}
"""The texts of a table by the suffix of a file."""
