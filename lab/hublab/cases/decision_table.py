"""Decision tables: rows read from the top, of which the first that applies says what is to happen.

A scenario writes what the documentation and the source promise as such rows, each with its source,
asks a lab for every cell and has all wrong cells listed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Cell = TypeVar("Cell")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DecisionRow(Generic[Cell, Result]):
    """When a row applies, what then happens, and who says so."""

    name: str
    applies: Callable[[Cell], bool]
    then: Callable[[Cell], Result]
    source: str

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


def always(result: Result) -> Callable[[Any], Result]:
    """For a row after which the same happens in every cell."""
    return lambda cell: result


def anything(cell: object) -> bool:
    """For the last row of a table."""
    return True


def row_for(rows: Sequence[DecisionRow[Cell, Result]], cell: Cell) -> DecisionRow[Cell, Result]:
    """The first row that applies. Raises LookupError for a table with a gap."""
    for row in rows:
        if row.applies(cell):
            return row
    raise LookupError(f"no row of the table applies to {cell}")


def decide(rows: Sequence[DecisionRow[Cell, Result]], cell: Cell) -> Result:
    """What the table says of a cell."""
    return row_for(rows, cell).then(cell)


def wrong_cells(
    seen: Mapping[Cell, Result],
    expected: Callable[[Cell], Result],
    why: Callable[[Cell], Iterable[str]] = lambda cell: (),
) -> str:
    """All cells that are not as expected, each with the rows that say so; "" when none is."""
    lines = []
    for cell, found in seen.items():
        if (wanted := expected(cell)) != found:
            lines.append(f"{cell}: seen {found}, expected {wanted}")
            lines += [f"    {reason}" for reason in why(cell)]
    return "\n".join([f"{len(seen)} cells, wrong are:", *lines]) if lines else ""
