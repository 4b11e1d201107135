"""Runs the spawner's tests against a real sshd, in containers made for that.

Two at a time, each with the tests of one file: they share nothing, and mostly wait. With
arguments for pytest: one container, its output as it comes.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from images import DOCKERFILE, ROOT, base_image, build_arguments

TARGET = "spawner-test"
IMAGE = "hublab-spawner-test:dev"
# Without a terminal, without network beyond its own loopback, with a reaping PID 1.
RUN = ("docker", "run", "--rm", "--init", "--network", "none", IMAGE)
NOTHING_COLLECTED = 5


def main(arguments: list[str]) -> int:
    """Build the image, quick where nothing has changed, and run its command in containers."""
    if f" AS {TARGET}" not in DOCKERFILE.read_text(encoding="utf-8"):
        print(f"{DOCKERFILE.relative_to(ROOT)} has no target {TARGET} yet", file=sys.stderr)
        return 3
    build = ["docker", "buildx", "build", "--load", "--quiet", "--target", TARGET]
    build += ["--tag", IMAGE, "--file", str(DOCKERFILE), *build_arguments(base_image())]
    print(f"building {IMAGE}", file=sys.stderr, flush=True)
    if code := subprocess.run([*build, str(ROOT)], stdout=subprocess.DEVNULL).returncode:
        return code
    if arguments:
        return subprocess.run([*RUN, *arguments]).returncode
    with ThreadPoolExecutor(max_workers=2) as pool:
        codes = list(pool.map(run_file, files()))
    return next((code for code in codes if code), 0)


def files() -> list[Path]:
    """The files of tests on a real sshd, the longest first, so that both lanes end together."""
    found = (ROOT / "spawners" / "tests").glob("test_*.py")
    ours = [path for path in found if "mark.sshd" in path.read_text(encoding="utf-8")]
    return sorted(ours, key=lambda path: (-path.stat().st_size, path.name))


def run_file(path: Path) -> int:
    """Run one file's tests; shown when they have ended, so that nothing is interleaved."""
    done = subprocess.run(
        [*RUN, "-q", f"tests/{path.name}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    print(f"{path.name}\n{done.stdout}", end="", flush=True)
    return 0 if done.returncode == NOTHING_COLLECTED else done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
