"""Tests a spawner against what hubs, users and bug reports demand, row by row.

The rows are the black-box tests of `spawners/tests`. They run in a container with a stock sshd and
a real hub, and use nothing internal of the spawner. So they can test any spawner.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hublab.engine import Engine
from hublab.engine.records import File
from hublab.errors import LabError, UsageError
from hublab.paths import ROOT
from hublab.progress import Progress

TARGET = "spawner-test"
ROWS = ROOT / "spawners" / "tests" / "conformance_rows.py"
SITE = "/opt/jupyter/lib/python3.13/site-packages"
CONFIG = "spawner_config.py"
MARK = "@@row "
BUILT_IN = ("ssh", "simple")


@dataclass(frozen=True, slots=True)
class ConformanceRow:
    """One demand, its source, and whether the spawner met it."""

    demand: str
    source: str
    outcome: str
    """`held`, `broke` or `skipped`."""
    seconds: float
    reason: str


def subject_files(module: Path | None, config: Path | None) -> list[File]:
    """The user's spawner and its configuration, as files to add to the tests.

    Raises UsageError for a file that cannot be read.
    """
    files = []
    for path, name in ((module, module.name if module else ""), (config, CONFIG)):
        if path is not None:
            try:
                files.append(File(name, path.read_bytes()))
            except OSError as error:
                raise UsageError(
                    f"cannot read the file: {error.strerror}", where=str(path), hint="a Python file"
                ) from error
    return files


def conformance(
    engine: Engine, image: str, spawner: str, files: list[File], progress: Progress
) -> list[ConformanceRow]:
    """Run the rows for a spawner: `ssh`, `simple`, or `module.Class` from `files`.

    Raises LabError if no row ran, with the end of the output.
    """
    argv = ["-p", "conformance_rows", "-q", "--no-header", "--tb=no", f"--spawner={spawner}"]
    if any(file.name == CONFIG for file in files):
        argv.append(f"--spawner-config={SITE}/{CONFIG}")
    files = [*files, File(ROWS.name, ROWS.read_bytes())]
    output: list[str] = []
    rows: list[ConformanceRow] = []
    for line in engine.run_streaming(image, [*argv, "tests/test_blackbox.py"], files, SITE):
        output.append(line)
        _, mark, text = line.partition(MARK)
        if mark:
            row = ConformanceRow(**json.loads(text))
            rows.append(row)
            progress(f"{row.outcome}: {row.demand} ({row.seconds:.1f} s)")
    if not rows:
        raise LabError("no row could be run:\n    " + "\n    ".join(output[-15:]))
    return rows
