"""Decision tables: the first row that applies, and the report of wrong cells."""

from __future__ import annotations

import pytest

from hublab.cases.decision_table import DecisionRow, always, anything, decide, row_for, wrong_cells

TABLE: tuple[DecisionRow[int, str], ...] = (
    DecisionRow("negative", lambda n: n < 0, always("minus"), "a book"),
    DecisionRow("even", lambda n: n % 2 == 0, lambda n: f"{n} is even", "another book"),
)


def test_the_first_row_that_applies_decides() -> None:
    assert decide(TABLE, -2) == "minus"
    assert decide(TABLE, 2) == "2 is even"


def test_a_table_with_a_gap_says_for_which_cell() -> None:
    with pytest.raises(LookupError, match="applies to 3"):
        decide(TABLE, 3)
    odd: DecisionRow[int, str] = DecisionRow("odd", anything, always("odd"), "a third book")
    whole = (*TABLE, odd)
    assert decide(whole, 3) == "odd"


def test_all_wrong_cells_are_listed_with_the_rows_that_say_so() -> None:
    seen = {-2: "minus", 2: "odd", 4: "odd"}
    text = wrong_cells(seen, lambda n: decide(TABLE, n), lambda n: [str(row_for(TABLE, n))])
    assert text.splitlines() == [
        "3 cells, of which these are wrong:",
        "2: seen odd, expected 2 is even",
        "    even (another book)",
        "4: seen odd, expected 4 is even",
        "    even (another book)",
    ]
    assert wrong_cells({2: "2 is even"}, lambda n: decide(TABLE, n)) == ""
