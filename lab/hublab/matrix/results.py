"""What a matrix has seen, kept in a file after each case, so that a run can go on later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hublab.errors import UsageError
from hublab.journal.private_file import write_private
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.probes import Seen
from hublab.settings.secrets import shown_value


@dataclass(frozen=True, slots=True)
class Row:
    """One case: the values of the axes as text, and the answer to each question."""

    id: str
    values: Mapping[str, str]
    cells: Mapping[str, Seen]
    seconds: float = 0.0
    times: Mapping[str, float] = field(default_factory=dict)
    """Seconds to enter the case, as `enter`, and for each answer; some go on side by side."""


@dataclass(slots=True)
class Results:
    """The rows so far, in the order of the plan."""

    plan: MatrixPlan
    path: Path
    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Keep a row, in the file too."""
        self.rows[row.id] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.path, json.dumps(self.as_json(), indent=1).encode())

    def as_json(self) -> dict[str, object]:
        """The form of `--json`."""
        return {
            "columns": list(self.plan.columns),
            "cases": len(self.plan.cases),
            "rows": [asdict(row) for row in self.in_order()],
        }

    def in_order(self) -> list[Row]:
        return [self.rows[case.id] for case in self.plan.cases if case.id in self.rows]

    def load(self) -> None:
        """Go on with what an earlier run of the same matrix kept. Raises UsageError."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            rows = [
                Row(one["id"], one["values"],
                    {name: Seen(**cell) for name, cell in one["cells"].items()},
                    one["seconds"], one["times"])
                for one in data["rows"]
            ]  # fmt: skip
        except FileNotFoundError:
            raise UsageError(
                "there is nothing to go on with: no earlier run of this matrix was kept",
                where="--resume",
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"cannot read {self.path}: {error}", where="--resume") from error
        self.rows = {row.id: row for row in rows}


def shown_values(plan: MatrixPlan, case: Mapping[str, object]) -> dict[str, str]:
    """The values of the axes in a case as text, secrets hidden."""
    return {axis.key: shown_value(axis.key, case[axis.key]) for axis in plan.axes}  # type: ignore[arg-type]
