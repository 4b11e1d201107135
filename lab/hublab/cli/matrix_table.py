"""The table of a matrix on a terminal."""

from __future__ import annotations

from hublab.cases.case_table import case_blocks, case_table, reason_lines
from hublab.cli.common import err, fits, out
from hublab.matrix.by_hand import first_failure
from hublab.matrix.results import Results, Row


def show_table(results: Results, rows: list[Row]) -> None:
    """The table, or a list where the terminal has no room for it; then whole reasons.

    Beside it stands how to look at the first case in which something did not work.
    """
    columns, coloured = results.plan.columns, out.color_system is not None
    table = case_table(columns, rows, coloured=coloured)
    out.print(table if fits(table) else case_blocks(columns, rows, coloured=coloured))
    for line in reason_lines(columns, rows):
        out.print(line, markup=False)
    if command := first_failure(results):
        err.print(f"to look at the first case that failed: {command}", markup=False, soft_wrap=True)
