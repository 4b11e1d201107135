"""Run scenarios many times in random order, and count: a flaky test shows as a failed run.

.venv/bin/python .ci/flake.py DIR [-n N] [--first SEED] [--workers W] [--again]

Each run has its own seed, which determines the order. build/flake records for each folder the seeds
that passed, and a later series skips them. A record is valid as long as the folder, hublab, the
spawner and the images are unchanged, so a change in one folder costs the runs of that folder only.
To continue a series of another machine, give the first seed that it did not run with --first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from parts import ROOT, git

KEPT = ROOT / "build" / "flake"
DEPENDS_ON = ("lab", "spawners/jupyterhub_sshspawner", "compose")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", metavar="DIR", help="as scenarios, or scenarios/cross_host")
    parser.add_argument("-n", type=int, default=20, metavar="N", help="runs (20)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="of the N seeds (1)")
    parser.add_argument("--workers", type=int, default=0, metavar="W", help="pytest -n W")
    parser.add_argument("--again", action="store_true", help="run seeds again that passed")
    options = parser.parse_args(arguments)
    folders = folders_of(options.folder)
    if not folders:
        parser.error(f"no tests in {options.folder}; hint: scenarios/cross_host")
    memories = {folder: Memory(folder, options.workers) for folder in folders}
    if options.again:
        for memory in memories.values():
            memory.forget()
    seeds = range(options.first, options.first + options.n)
    for seed in seeds:
        left = [folder for folder, memory in memories.items() if seed not in memory]
        if left and not run(seed, options.workers, {folder: memories[folder] for folder in left}):
            break
    counts = {folder: sum(seed in memory for seed in seeds) for folder, memory in memories.items()}
    for folder, count in counts.items():
        print(f"{folder}: {count} of {options.n} runs in random order passed")
    return int(any(count < options.n for count in counts.values()))


def folders_of(name: str) -> list[str]:
    """The folders with tests that a name means: itself, and those directly in it."""
    top = ROOT / name.strip("/")
    found = [top, *(sorted(top.iterdir()) if top.is_dir() else ())]
    return [str(one.relative_to(ROOT)) for one in found if any(one.glob("test_*.py"))]


def run(seed: int, workers: int, memories: dict[str, Memory]) -> bool:
    """Run the fast tests of some folders, in a seed's order; returns whether all passed."""
    report = KEPT / "last.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-q", *memories, "-m", "not slow"]
    argv += ["--random-order", f"--random-order-seed={seed}", f"--junitxml={report}"]
    argv += ["-n", str(workers)]
    begun = time.monotonic()
    code = subprocess.run(argv, cwd=ROOT, check=False).returncode
    seconds = time.monotonic() - begun
    print(f"run {seed}: {'failed' if code else 'passed'}, {seconds:.0f} s", flush=True)
    bad = failed_folders(code, report, memories) if code else set()
    for folder, memory in memories.items():
        if folder not in bad:
            memory.add(seed, seconds)
    if code:
        print(f"run it again with: {shlex.join(['pytest', *argv[3:]])}")
    return code == 0


def failed_folders(code: int, report: Path, folders: Iterable[str]) -> set[str]:
    """The folders in which a test failed; all of them if a failure does not name its folder."""
    bad: set[str] = set()
    if code != pytest.ExitCode.TESTS_FAILED:
        return set(folders)  # the run ended early, so its report may lack tests
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            name = case.get("classname", "").replace(".", "/") + "/"
            bad |= {one for one in folders if name.startswith(f"{one}/")} or set(folders)
    return bad or set(folders)


class Memory:
    """The seeds that a folder passed with a number of workers; empty if files are edited."""

    def __init__(self, folder: str, workers: int) -> None:
        self._workers = workers
        state = state_of(folder)
        self._file = KEPT / folder / f"{state}.ndjson" if state else None
        rows = [json.loads(line) for line in self._lines()]
        self._seeds = {row["seed"] for row in rows if row["workers"] == workers}

    def __contains__(self, seed: int) -> bool:
        return seed in self._seeds

    def _lines(self) -> list[str]:
        return self._file.read_text().splitlines() if self._file and self._file.exists() else []

    def add(self, seed: int, seconds: float) -> None:
        """Record a seed; `seconds` are those of the whole run, with its other folders."""
        self._seeds.add(seed)
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            row = {"seed": seed, "workers": self._workers, "seconds": round(seconds, 1)}
            with self._file.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def forget(self) -> None:
        self._seeds.clear()
        if self._file:
            self._file.unlink(missing_ok=True)


def state_of(folder: str) -> str | None:
    """A digest of what the run depends on; None if some of it is not committed."""
    paths = (*DEPENDS_ON, folder)
    if git("status", "--porcelain", "--", *paths):
        return None
    trees = "".join(git("rev-parse", f"HEAD:{path}") for path in paths)
    return hashlib.sha256(trees.encode()).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
