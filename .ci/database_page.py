"""Write docs/database.md, the hub's tables as a page, from docs/database.csv.

.venv/bin/python .ci/database_page.py [--check]      --check: fail when the page is stale

scenarios/sign_in/test_database.py holds the CSV file against the database of a running hub.
"""

from __future__ import annotations

import csv
import sys
from itertools import groupby
from pathlib import Path

from made_page import write_or_check

DOCS = Path(__file__).resolve().parents[1] / "docs"
TABLES, PAGE = DOCS / "database.csv", DOCS / "database.md"
HEAD = """\
# The hub's database

Made from [database.csv](database.csv) (`make docs`). `scenarios/sign_in/test_database.py` holds it
against a running hub: its fields, their types, and what writes them. Seen on JupyterHub 6.1.1 with
SQLite. A field that nothing here writes is of something else: a service of the configuration, a
group's role, a code of OAuth, which is gone before the page is there
(`scenarios/sign_in/test_oauth_rows.py`). `hublab db` shows these tables of a lab, and
`hublab db --diff -- COMMAND` what a command writes.
"""


def page() -> str:
    """The page: a section for each table, a row for each field."""
    with TABLES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parts = [HEAD]
    for table, found in groupby(rows, key=lambda row: row["table"]):
        first, *fields = found
        gone = (
            f" Rows go when {first['removed_by'].replace('; ', ', or ')}."
            if first["removed_by"]
            else ""
        )
        lines = [
            f"- **{row['field']}** ({row['type']}): {row['meaning']}{by(row['written_by'])}"
            for row in fields
        ]
        parts.append(f"## {table}\n\n{first['meaning']}{gone}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def by(names: str) -> str:
    """What writes a field, in brackets; nothing for one that no action here writes."""
    return f" *Written by: {names}.*" if names else ""


def main(arguments: list[str]) -> int:
    return write_or_check(PAGE, page(), arguments, "`make docs`")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
