"""Run scenarios again and again in random order, and count: a flake shows as a failed run.

.venv/bin/python .ci/flake.py DIR [-n N] [--workers W] [--again]

Each run has a seed of its own, which gives the order. What passed is kept under build/flake and not
run again, so that a stopped series goes on where it stopped; it counts for as long as the folder,
hublab, the spawner and the images stay as they were.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence

from parts import ROOT, git

KEPT = ROOT / "build" / "flake"
STANDS_ON = ("lab", "spawners/jupyterhub_sshspawner", "compose")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", metavar="DIR", help="as scenarios/cross_host")
    parser.add_argument("-n", type=int, default=20, metavar="N", help="runs (20)")
    parser.add_argument("--workers", type=int, default=0, metavar="W", help="pytest -n W")
    parser.add_argument("--again", action="store_true", help="forget what passed already")
    options = parser.parse_args(arguments)
    if not (ROOT / options.folder).exists():
        parser.error(f"there is no {options.folder}; would be right: scenarios/cross_host")
    series = options.folder.strip("/") + (f" -n {options.workers}" if options.workers else "")
    memory = Memory(state_of(options.folder), series)
    if options.again:
        memory.forget()
    passed = memory.seeds()
    for seed in range(1, options.n + 1):
        if seed not in passed:
            seconds, code = run(options.folder, seed, options.workers)
            print(f"run {seed} of {options.n}: {outcome(code)}, {seconds:.0f} s", flush=True)
            if code:
                print(f"again with: pytest {options.folder} --random-order-seed={seed}")
                break
            memory.add(seed, seconds)
            passed.add(seed)
    done = len(passed & set(range(1, options.n + 1)))
    print(f"{series}: {done} of {options.n} runs in random order passed")
    return int(done < options.n)


def run(folder: str, seed: int, workers: int) -> tuple[float, int]:
    """One run of what is not slow, in the order of a seed."""
    argv = [sys.executable, "-m", "pytest", "-q", folder, "-m", "not slow"]
    argv += ["--random-order", f"--random-order-seed={seed}"]
    argv += ["-n", str(workers)] if workers else []
    begun = time.monotonic()
    code = subprocess.run(argv, cwd=ROOT, check=False).returncode
    return time.monotonic() - begun, code


def state_of(folder: str) -> str | None:
    """A name for what is run as it stands in the checkout; None where that is not committed."""
    places = (*STANDS_ON, folder.strip("/"))
    if git("status", "--porcelain", "--", *places):
        return None
    trees = "".join(git("rev-parse", f"HEAD:{place}") for place in places)
    return hashlib.sha256(trees.encode()).hexdigest()[:12]


def outcome(code: int) -> str:
    return "failed" if code else "passed"


class Memory:
    """The seeds of a series that passed; nothing is remembered of edited files."""

    def __init__(self, state: str | None, series: str) -> None:
        name = series.replace("/", "-").replace(" ", "")
        self._file = KEPT / state / f"{name}.ndjson" if state else None

    def seeds(self) -> set[int]:
        lines = self._file.read_text().splitlines() if self._file and self._file.exists() else []
        return {json.loads(line)["seed"] for line in lines}

    def add(self, seed: int, seconds: float) -> None:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as file:
                file.write(json.dumps({"seed": seed, "seconds": round(seconds, 1)}) + "\n")

    def forget(self) -> None:
        if self._file:
            self._file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
