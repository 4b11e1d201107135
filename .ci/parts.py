"""Runs the parts of a target, all of them even if one fails, and ends with a table.

The checks are independent, so two run at a time. Every other part runs alone, with live output.

.venv/bin/python .ci/parts.py check|test
.venv/bin/python .ci/parts.py [--again] slow      skips what passed at this commit
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PASSED = ROOT / "build" / "passed"
NOTHING_COLLECTED = 5
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# So that a slow part shows what makes it slow.
SLOWEST = ("--durations=40", "--durations-min=5")

Argv = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A command, and the folder that it needs; without that folder the part is left out."""

    name: str
    argv: Argv
    folder: str = "."
    alone: bool = True

    @property
    def exists(self) -> bool:
        return (ROOT / self.folder).is_dir()

    @property
    def where(self) -> Path:
        # The spawner is a distribution of its own, with its own configuration of the tools.
        return ROOT / "spawners" if self.folder == "spawners" else ROOT


def tool(name: str, *arguments: str | Path) -> Argv:
    return (str(BIN / name), *map(str, arguments))


def pytest(*arguments: str) -> Argv:
    return (sys.executable, "-m", "pytest", "-q", *arguments)


CHECK = (
    Part("spawner's unit tests", pytest("tests", "-m", "not sshd"), "spawners", alone=False),
    Part("style", tool("ruff", "check", "--quiet", "."), alone=False),
    Part("format", tool("ruff", "format", "--check", "--quiet", "."), alone=False),
    Part("pages", (sys.executable, ".ci/command_pages.py", "--check"), alone=False),
    Part("catalogue", (sys.executable, ".ci/scenario_pages.py", "--check"), alone=False),
    Part("sentences", (sys.executable, ".ci/sentence_pages.py", "--check"), alone=False),
    Part("database", (sys.executable, ".ci/database_page.py", "--check"), alone=False),
    Part("states", (sys.executable, ".ci/state_pages.py", "--check"), alone=False),
    # The schema that SchemaStore publishes comes with the tool, so this needs no network.
    Part(
        "workflows",
        tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS),
        ".github/workflows",
        alone=False,
    ),
    Part("unit tests", pytest("tests/unit"), "tests/unit", alone=False),
    Part("types: hublab, tests", tool("mypy", "lab/hublab", "tests"), alone=False),
    Part("types: scenarios", tool("mypy", "scenarios"), "scenarios", alone=False),
    Part("types: spawner", tool("mypy", "jupyterhub_sshspawner"), "spawners", alone=False),
    Part("types: .ci", tool("mypy", *sorted((ROOT / ".ci").glob("*.py"))), ".ci", alone=False),
)
TEST = (
    *CHECK,
    Part("machine", tool("hublab", "doctor", "--fix", "--quiet")),
    Part("spawner on a real sshd", (sys.executable, ".ci/test_spawner.py")),
    Part("lab tests", pytest("tests/lab", "-m", "not slow", *SLOWEST), "tests/lab"),
    Part("scenarios", pytest("scenarios", "-m", "not slow", *SLOWEST), "scenarios"),
)
SLOW = (
    Part("machine", tool("hublab", "doctor", "--fix", "--quiet")),
    Part("spawner, oldest JupyterHub", (sys.executable, ".ci/test_spawner.py", "--oldest")),
    Part("spawner, warm", (sys.executable, ".ci/test_spawner.py", "--warm")),
    Part("spawner, Debian 12", (sys.executable, ".ci/test_spawner.py", "--debian12")),
    Part("bare machines", pytest("tests/bare"), "tests/bare"),
    Part("lab tests, slow", pytest("tests/lab", "-n0", "-m", "slow"), "tests/lab"),
    Part("real clients", pytest("tests/clients", "-n0"), "tests/clients"),
    Part("scenarios, slow", pytest("scenarios", "-m", "slow"), "scenarios"),
)
TARGETS = {"check": CHECK, "test": TEST, "slow": SLOW}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--again", action="store_true", help="run parts again that passed")
    options = parser.parse_args(arguments)
    parts = [part for part in TARGETS[options.target] if part.exists]
    memory = Memory(commit()) if options.target == "slow" else None
    if memory and options.again:
        memory.forget()
    begun = time.monotonic()
    rows = run_together([part for part in parts if not part.alone])
    rows += [run(part, memory) for part in parts if part.alone]
    print_table(rows, time.monotonic() - begun)
    return int(any(row[2].startswith("failed") for row in rows))


Row = tuple[str, float, str]


def run(part: Part, memory: Memory | None) -> Row:
    """Run a part alone, with live output."""
    if memory and part.name in memory:
        return (part.name, 0.0, "passed before at this commit")
    print(f"==> {part.name}", flush=True)
    begun = time.monotonic()
    code = subprocess.run(part.argv, cwd=part.where, check=False).returncode
    result = result_of(part, code)
    if memory and result == "passed":
        memory.add(part.name)
    return (part.name, time.monotonic() - begun, result)


def run_together(parts: Sequence[Part]) -> list[Row]:
    """Run parts two at a time; show the output of each when it ends."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        rows = {pool.submit(run_aside, part): part for part in parts}
        for future in as_completed(rows):
            row, output = future.result()
            print(f"==> {row[0]}: {row[2]}, {row[1]:.1f} s", flush=True)
            print(output, end="", flush=True)
    return [future.result()[0] for future in rows]


def run_aside(part: Part) -> tuple[Row, str]:
    begun = time.monotonic()
    done = subprocess.run(
        part.argv,
        cwd=part.where,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return (part.name, time.monotonic() - begun, result_of(part, done.returncode)), done.stdout


def result_of(part: Part, code: int) -> str:
    if code == NOTHING_COLLECTED and "pytest" in part.argv:
        return "no tests"
    return f"failed ({code})" if code else "passed"


class Memory:
    """Names of the parts that passed at a commit; remembers nothing if files are edited."""

    def __init__(self, commit: str | None) -> None:
        self._file = PASSED / commit if commit else None

    def __contains__(self, name: str) -> bool:
        return bool(
            self._file
            and self._file.exists()
            and name in self._file.read_text(encoding="utf-8").splitlines()
        )

    def add(self, name: str) -> None:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")

    def forget(self) -> None:
        if self._file:
            self._file.unlink(missing_ok=True)


def commit() -> str | None:
    """The checked-out commit; None if a tracked file differs from it."""
    try:
        return None if git("status", "--porcelain", "-uno") else git("rev-parse", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return None


def git(*arguments: str) -> str:
    """The output of git for this checkout, without the final newline."""
    return subprocess.run(
        ("git", *arguments),
        cwd=ROOT,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def print_table(rows: Sequence[Row], seconds: float) -> None:
    width = max(len(name) for name, _, _ in rows)
    print(f"\n{'PART':<{width}}  SECONDS  RESULT")
    for name, duration, result in rows:
        print(f"{name:<{width}}  {duration:7.1f}  {result}")
    print(f"{'all':<{width}}  {seconds:7.1f}")
    failed = sum(row[2].startswith("failed") for row in rows)
    print(f"parts: {len(rows) - failed} passed, {failed} failed", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
