"""Runs the spawner's tests against a real sshd, in containers.

Two containers run at a time, each with the tests of one file: the files are independent, and their
tests mostly wait. All tests run with the lab's JupyterHub, and the black-box tests also with the
oldest supported one. With `--oldest` all tests run with the oldest one only. With arguments for
pytest a single container runs, with live output.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from images import DOCKERFILE, ROOT, base_image, build_arguments

NEWEST, OLDEST = "spawner-test", "spawner-test-oldest"
# Without a terminal, without network beyond its own loopback, with a reaping PID 1.
RUN = ("docker", "run", "--rm", "--init", "--network", "none")
OUTSIDE = ("test_blackbox.py", "test_paths.py", "test_start_stop.py")
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Image:
    """A target of the Dockerfile, built."""

    target: str
    id: str

    def __call__(self, file: Path) -> int:
        """Run the tests of one file; print their output at the end, so that lanes do not mix."""
        done = subprocess.run(
            [*RUN, self.id, "-q", f"tests/{file.name}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        print(f"{file.name}, {self.target}\n{done.stdout}", end="", flush=True)
        return 0 if done.returncode == NOTHING_COLLECTED else done.returncode


def main(arguments: list[str]) -> int:
    """Build the images, which is quick if nothing has changed, and run them."""
    targets = [OLDEST] if "--oldest" in arguments else [NEWEST, OLDEST]
    arguments = [argument for argument in arguments if argument != "--oldest"]
    if arguments:
        return subprocess.run([*RUN, build(targets[0]).id, *arguments]).returncode
    images = [build(target) for target in targets]
    runs = [(images[0], file) for file in files()]
    if images[1:]:
        runs += [(images[1], file) for file in files() if file.name in OUTSIDE]
    with ThreadPoolExecutor(max_workers=2) as pool:
        codes = list(pool.map(lambda run: run[0](run[1]), runs))
    return next((code for code in codes if code), 0)


def build(target: str) -> Image:
    """Build a target; identified by its id, because another checkout may move its tag meanwhile."""
    print(f"building {target}", file=sys.stderr, flush=True)
    with TemporaryDirectory() as folder:
        id_file = Path(folder) / "id"
        argv = ["docker", "buildx", "build", "--load", "--quiet", "--target", target]
        argv += ["--iidfile", str(id_file), "--tag", f"hublab-{target}:dev"]
        argv += ["--file", str(DOCKERFILE), *build_arguments(base_image()), str(ROOT)]
        if code := subprocess.run(argv, stdout=subprocess.DEVNULL).returncode:
            sys.exit(code)
        return Image(target, id_file.read_text(encoding="ascii").strip())


def files() -> list[Path]:
    """The files with tests on a real sshd, the longest first, so that both lanes end together."""
    found = (ROOT / "spawners" / "tests").glob("test_*.py")
    ours = [path for path in found if "mark.sshd" in path.read_text(encoding="utf-8")]
    return sorted(ours, key=lambda path: (-path.stat().st_size, path.name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
