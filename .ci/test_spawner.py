"""Runs the spawner's tests against a real sshd, in containers made for that.

Two at a time, each with the tests of one file: they share nothing, and mostly wait. All of them
with the JupyterHub of the lab, and with the oldest that is supported those that see the spawner
from outside; with `--oldest` all of them with the oldest. With arguments for pytest: one
container, its output as it comes.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from images import DOCKERFILE, ROOT, base_image, build_arguments

TARGET = "spawner-test"
IMAGE = "hublab-spawner-test:dev"
# Without a terminal, without network beyond its own loopback, with a reaping PID 1.
RUN = ("docker", "run", "--rm", "--init", "--network", "none", "--entrypoint")
NEWEST, OLDEST = "jupyter", "jupyter-oldest"  # environments in the image, below /opt
OUTSIDE = ("test_blackbox.py", "test_paths.py", "test_start_stop.py")
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Run:
    """The tests of one file in one environment of the image."""

    image: str
    environment: str
    file: Path

    def __call__(self) -> int:
        """Shown when it has ended, so that nothing is interleaved."""
        done = subprocess.run(
            command(self.image, self.environment, "-q", f"tests/{self.file.name}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        print(f"{self.file.name}, {self.environment}\n{done.stdout}", end="", flush=True)
        return 0 if done.returncode == NOTHING_COLLECTED else done.returncode


def main(arguments: list[str]) -> int:
    """Build the image, quick where nothing has changed, and run its command in containers."""
    oldest = "--oldest" in arguments
    arguments = [argument for argument in arguments if argument != "--oldest"]
    image = build()
    if image is None:
        return 1
    if arguments:
        return subprocess.run(command(image, OLDEST if oldest else NEWEST, *arguments)).returncode
    with ThreadPoolExecutor(max_workers=2) as pool:
        codes = list(pool.map(Run.__call__, runs(image, oldest)))
    return next((code for code in codes if code), 0)


def build() -> str | None:
    """The image's id; a tag could be another checkout's by the time that it is used."""
    print(f"building {IMAGE}", file=sys.stderr, flush=True)
    with TemporaryDirectory() as folder:
        told = Path(folder) / "id"
        argv = ["docker", "buildx", "build", "--load", "--quiet", "--target", TARGET]
        argv += ["--iidfile", str(told), "--tag", IMAGE, "--file", str(DOCKERFILE)]
        argv += [*build_arguments(base_image()), str(ROOT)]
        if subprocess.run(argv, stdout=subprocess.DEVNULL).returncode:
            return None
        return told.read_text(encoding="ascii").strip()


def command(image: str, environment: str, *arguments: str) -> list[str]:
    python = f"/opt/{environment}/bin/python"
    return [*RUN, python, image, "-m", "pytest", "-m", "sshd", *arguments]


def runs(image: str, oldest: bool) -> list[Run]:
    """The longest first, so that both lanes end together."""
    if oldest:
        return [Run(image, OLDEST, file) for file in files()]
    some = [Run(image, OLDEST, file) for file in files() if file.name in OUTSIDE]
    return [Run(image, NEWEST, file) for file in files()] + some


def files() -> list[Path]:
    """The files of tests on a real sshd."""
    found = (ROOT / "spawners" / "tests").glob("test_*.py")
    ours = [path for path in found if "mark.sshd" in path.read_text(encoding="utf-8")]
    return sorted(ours, key=lambda path: (-path.stat().st_size, path.name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
