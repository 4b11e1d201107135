"""Decision tables: an ordered list of rows, of which the first that applies decides the result.

A scenario writes the promises of documentation and code as rows, each with its source. It then
tries every cell in a lab, and `wrong_cells` lists all that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Cell = TypeVar("Cell")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DecisionRow(Generic[Cell, Result]):
    """When a row applies, the result then, and the source of that rule."""

    name: str
    applies: Callable[[Cell], bool]
    then: Callable[[Cell], Result]
    source: str

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


def always(result: Result) -> Callable[[Any], Result]:
    """A `then` with the same result for every cell."""
    return lambda cell: result


def anything(cell: object) -> bool:
    """An `applies` for the last row of a table, which covers all other cells."""
    return True


def row_for(rows: Sequence[DecisionRow[Cell, Result]], cell: Cell) -> DecisionRow[Cell, Result]:
    """The first row that applies. Raises LookupError for a table with a gap."""
    for row in rows:
        if row.applies(cell):
            return row
    raise LookupError(f"no row of the table applies to {cell}")


def decide(rows: Sequence[DecisionRow[Cell, Result]], cell: Cell) -> Result:
    """The result that the table gives for a cell."""
    return row_for(rows, cell).then(cell)


def wrong_cells(
    seen: Mapping[Cell, Result],
    expected: Callable[[Cell], Result],
    why: Callable[[Cell], Iterable[str]] = lambda cell: (),
) -> str:
    """All cells that differ from what is expected, each with its reasons; "" if there are none."""
    lines = []
    for cell, found in seen.items():
        if (result := expected(cell)) != found:
            lines.append(f"{cell}: seen {found}, expected {result}")
            lines += [f"    {reason}" for reason in why(cell)]
    return "\n".join([f"{len(seen)} cells, of which these are wrong:", *lines]) if lines else ""
