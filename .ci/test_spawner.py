"""Runs the spawner's tests against a real sshd, in containers.

Two containers run at a time, each with the tests of one file: the files are independent, and their
tests mostly wait. All tests run with the lab's JupyterHub on Debian 13, the black-box tests also
with the oldest supported one. Debian 12, whose OpenSSH is a generation older, is a choice.

.venv/bin/python .ci/test_spawner.py                        all of that
.venv/bin/python .ci/test_spawner.py --oldest               all tests with the oldest JupyterHub
.venv/bin/python .ci/test_spawner.py --debian12             all tests on Debian 12
.venv/bin/python .ci/test_spawner.py --warm                 all tests, with servers that are forked
.venv/bin/python .ci/test_spawner.py [--…] tests/test_x.py  pytest's arguments; live output
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from containers import TestRun
from images import DOCKERFILE, ROOT, base_image, build_arguments, old_base_image

NEWEST, OLDEST, DEBIAN_12 = "spawner-test", "spawner-test-oldest", "spawner-test-debian12"
OPTIONS = {"--oldest": OLDEST, "--debian12": DEBIAN_12}
WARM = "--warm"
OUTSIDE = ("test_blackbox.py", "test_jump_hosts.py", "test_paths.py", "test_start_stop.py")
NOTHING_COLLECTED = 5
INTERRUPTED, TERMINATED = 130, 143


@dataclass(frozen=True)
class Job:
    """The tests of one file on the image of one target."""

    target: str
    file: str
    options: tuple[str, ...] = ()

    def __call__(self, run: TestRun, image: Future[str]) -> tuple[int, bytes]:
        """Run them once the image is built; returns pytest's exit code and output."""
        service = f"{Path(self.file).stem}-{self.target}".replace("_", "-")
        arguments = ["-q", *self.options, f"tests/{self.file}"]
        with run.container(image.result(), service, arguments) as container:
            said = b"".join(container.output())
            code = container.wait()
        return 0 if code == NOTHING_COLLECTED else code, said


def main(arguments: list[str]) -> int:
    """Run what is asked for; to build the images is quick if nothing has changed."""
    chosen = [OPTIONS[one] for one in arguments if one in OPTIONS]
    arguments = [one for one in arguments if one not in OPTIONS]
    run = TestRun("spawner-test")
    signal.signal(signal.SIGTERM, terminate)
    try:
        if arguments == [WARM]:
            return together(run, jobs((chosen or [NEWEST])[0], options=(WARM,)))
        if arguments:
            return live(run, (chosen or [NEWEST])[0], arguments)
        if chosen:
            return together(run, jobs(chosen[0]))
        return together(run, [*jobs(NEWEST), *jobs(OLDEST, OUTSIDE)])
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        run.end()


def terminate(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, with the exit code of this signal."""
    sys.exit(TERMINATED)


def jobs(target: str, only: Sequence[str] = (), options: tuple[str, ...] = ()) -> list[Job]:
    """The files with tests on a real sshd, the longest first, so that both lanes end together."""
    found = (ROOT / "spawners" / "tests").glob("test_*.py")
    ours = [path for path in found if "mark.sshd" in path.read_text(encoding="utf-8")]
    ours.sort(key=lambda path: (-path.stat().st_size, path.name))
    return [Job(target, path.name, options) for path in ours if not only or path.name in only]


def together(run: TestRun, work: list[Job]) -> int:
    """Run jobs in two lanes; print the output of each when it ends, so that lanes do not mix.

    Images are built one after the other, all from the start on, beside the tests of the first.
    """
    codes = []
    with ThreadPoolExecutor(max_workers=1) as builder, ThreadPoolExecutor(max_workers=2) as lanes:
        targets = dict.fromkeys(job.target for job in work)
        images = {target: builder.submit(build, target) for target in targets}
        running = {lanes.submit(job, run, images[job.target]): job for job in work}
        try:
            for done in as_completed(running):
                job, (code, said) = running[done], done.result()
                print(f"{job.file}, {job.target}\n{said.decode(errors='replace')}", end="")
                sys.stdout.flush()
                codes.append(code)
        except BaseException:
            builder.shutdown(wait=False, cancel_futures=True)
            lanes.shutdown(wait=False, cancel_futures=True)
            run.end()  # else the lanes wait for the containers that run
            raise
    return next((code for code in codes if code), 0)


def live(run: TestRun, target: str, arguments: list[str]) -> int:
    """Run pytest with these arguments, and print what it prints."""
    with run.container(build(target), target, arguments) as container:
        for piece in container.output():
            sys.stdout.buffer.write(piece)
            sys.stdout.flush()
        return container.wait()


def build(target: str) -> str:
    """Build a target; returns the image's id, for another checkout may move its tag meanwhile."""
    print(f"building {target}", file=sys.stderr, flush=True)
    with TemporaryDirectory() as folder:
        id_file = Path(folder) / "id"
        argv = ["docker", "buildx", "build", "--load", "--quiet", "--target", target]
        argv += ["--iidfile", str(id_file), "--tag", f"hublab-{target}:dev"]
        argv += ["--file", str(DOCKERFILE), *build_arguments(base_image())]
        if target == DEBIAN_12:
            argv += ["--build-arg", f"BASE_12={old_base_image()}"]
        if code := subprocess.run([*argv, str(ROOT)], stdout=subprocess.DEVNULL).returncode:
            sys.exit(code)
        return id_file.read_text(encoding="ascii").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
