"""The table of a matrix: on a terminal, as CSV, as Markdown."""

from __future__ import annotations

import csv
import io

from rich.text import Text

from hublab.cases.surroundings import NAMES
from hublab.cli.common import fits, out, table
from hublab.matrix.results import Results, Row

MARK = "≠ "
"""Before what differs from the first row, where colours cannot say it."""
LONGEST = 160
"""Characters of a reason that stand in its cell, to the last whole word; below the table it is
whole."""


def short_names(results: Results) -> list[str]:
    """The axes by the last part of their names, or in full where two would be alike."""
    keys = [axis.key for axis in results.plan.axes]
    last = [key if key in NAMES else key.rpartition(".")[2] for key in keys]
    return [
        full if last.count(short) > 1 else short for full, short in zip(keys, last, strict=True)
    ]


def show_table(results: Results, rows: list[Row]) -> None:
    """The table, or a list where the terminal has no room for it; then whole reasons.

    What did not work is red, and what differs from the first row is bold.
    """
    columns = results.plan.columns
    names = short_names(results)
    shown = table(None, *names, *(name.upper() for name in columns))
    for row in rows:
        shown.add_row(
            *map(value_text, row.values.values()), *answers(columns, row, rows[0], LONGEST)
        )
    if fits(shown):
        out.print(shown)
    else:
        grid = [
            [*map(value_text, row.values.values()), *answers(columns, row, rows[0])] for row in rows
        ]
        out.print(as_blocks([*names, *columns], grid))
    for detail, names_of, where in told_once(reasons(columns, rows)):
        said = in_which_cases(where, rows, names)
        out.print(f"\n{', '.join(names_of)}, {said}:\n    {indented(detail)}", markup=False)


def told_once(
    found: dict[tuple[str, str], list[str]],
) -> list[tuple[str, list[str], list[str]]]:
    """Reasons, the questions that each answers, and its cases; one that is alike is told once."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (name, detail), where in found.items():
        alike.setdefault((detail, tuple(where)), []).append(name)
    return [(detail, asked, list(where)) for (detail, where), asked in alike.items()]


def in_which_cases(some: list[str], rows: list[Row], names: list[str]) -> str:
    """Cases in few words: by the values that they, and only they, have in common, else one by one.

    What every case has is left out.
    """
    if len(some) == len(rows):
        return "in every case"
    own = [row for row in rows if row.id in some]
    keys = list(rows[0].values)
    varying = [key for key in keys if len({row.values[key] for row in rows}) > 1]
    common = [key for key in varying if len({row.values[key] for row in own}) == 1]

    def told(row: Row, shown: list[str]) -> str:
        return ", ".join(f"{names[keys.index(key)]}={value_text(row.values[key])}" for key in shown)

    alike = [row for row in rows if all(row.values[k] == own[0].values[k] for k in common)]
    if common and len(alike) == len(own):
        return f"where {told(own[0], common)}"
    return "where " + "; ".join(told(row, varying) for row in own)


def value_text(value: str) -> Text:
    """A value of an axis; an empty one is seen too."""
    return Text(value or "''")


def answers(columns: tuple[str, ...], row: Row, first: Row, width: int | None = None) -> list[Text]:
    """The cells of a row, with what tells them from those of the first."""
    found = []
    for name in columns:
        cell = row.cells[name]
        differs = cell.short != first.cells[name].short
        style = "red" if not cell.ok else "yellow" if differs else ""
        mark = MARK if differs and out.color_system is None else ""
        text = mark + (shortened(cell.short, width) if width else cell.short)
        found.append(Text(text, style=f"bold {style}".strip() if differs else style))
    return found


def as_blocks(headers: list[str], grid: list[list[Text]]) -> Text:
    """Rows one below the other, each cell on a line of its own with its header."""
    width = max(map(len, headers))
    blocks = [
        Text("\n").join(
            Text.assemble((f"{header:<{width}}  ", "dim"), cell)
            for header, cell in zip(headers, cells, strict=True)
        )
        for cells in grid
    ]
    return Text("\n\n").join(blocks)


def reasons(columns: tuple[str, ...], rows: list[Row]) -> dict[tuple[str, str], list[str]]:
    """Why something did not work: question and reason, each once, with its cases."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name in columns:
            cell = row.cells[name]
            if not cell.ok and cell.detail:
                found.setdefault((name, cell.detail), []).append(row.id)
    return found


def shortened(text: str, width: int) -> str:
    """A text to its last whole word that has room: no identifier is cut."""
    return text if len(text) <= width else text[: width - 1].rpartition(" ")[0] + " …"


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def as_csv(results: Results, rows: list[Row]) -> str:
    """One line a case: the axes' full names, the answers, and a column of details for each."""
    columns = results.plan.columns
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    keys = [axis.key for axis in results.plan.axes]
    writer.writerow([*keys, *columns, *(f"{name} (detail)" for name in columns)])
    for row in rows:
        cells = [row.cells[name] for name in columns]
        values = [row.values[key] for key in keys]
        writer.writerow([*values, *(c.short for c in cells), *(c.detail for c in cells)])
    return written.getvalue()


def as_markdown(results: Results, rows: list[Row]) -> str:
    """A table for an issue or a page; what did not work is bold."""
    columns = results.plan.columns

    def line(cells: list[str]) -> str:
        return (
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        )

    head = [*(f"`{axis.key}`" for axis in results.plan.axes), *columns]
    lines = [line(head), line(["---"] * len(head))]
    for row in rows:
        cells = [row.cells[name] for name in columns]
        answers = [cell.short if cell.ok else f"**{cell.short}**" for cell in cells]
        lines.append(line([*(f"`{value}`" for value in row.values.values()), *answers]))
    return "\n".join(lines)
