"""What users of SSH spawners reported, and the test that shows that it does not happen here.

A test names the report with ``@pytest.mark.report("…")``; the page is written from both:
``python tests/reports.py``. ``test_docs.py`` compares.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "reports.md"


@dataclass(frozen=True)
class Report:
    """Something that went wrong somewhere else."""

    source: str
    trouble: str
    also: str = ""  # where the same was reported
    instead: str = ""  # for what is proved by no test: why


_DATA = tomllib.loads((HERE / "reports.toml").read_text(encoding="utf-8"))
REPORTS = [Report(**entry) for entry in _DATA["report"]]
DEMANDS: dict[str, list[str]] = {entry["text"]: entry["tests"] for entry in _DATA["demand"]}


def tests() -> Iterator[tuple[str, str, list[str]]]:
    """File, test, and the reports it is marked with, for all tests that are."""
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(
                        "mark.report"
                    ):
                        yield path.name, node.name, [ast.literal_eval(arg) for arg in mark.args]


def page() -> str:
    """The whole page."""
    proofs: dict[str, list[str]] = {}
    for file, name, reports in tests():
        for report in reports:
            proofs.setdefault(report, []).append(link(f"{file}::{name}"))
    rows = []
    for report in REPORTS:
        sources = ", ".join(filter(None, (report.source, report.also)))
        proved = ", ".join(proofs.get(report.source, [])) or report.instead
        rows.append(f"| {sources} | {report.trouble} | {proved} |")
    demands = [f"| {text} | {', '.join(map(link, names))} |" for text, names in DEMANDS.items()]
    return "\n".join([HEAD + "\n".join(rows), DEMANDS_HEAD + "\n".join(demands), ""])


def link(test: str) -> str:
    """A test, ``file::name`` as pytest has it, as a link."""
    file, _, name = test.partition("::")
    path = f"../../{file[6:]}" if file.startswith("../../") else f"../tests/{file}"
    return f"[`{name.removeprefix('test_')}`]({path})"


HEAD = """# What users of SSH spawners reported

Each row is something that went wrong with another spawner or with a library, and the tests, against
a real sshd and a real hub where that matters, which show that it does not happen here. The page is
written by `python tests/reports.py` from `tests/reports.toml` and the tests' marks.

| reported in | what went wrong | proved by |
|---|---|---|
"""

DEMANDS_HEAD = """
## What must hold in any case

| demand | proved by |
|---|---|
"""

if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
