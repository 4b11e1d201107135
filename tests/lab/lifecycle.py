"""The command `hublab` as a person runs it, and what of a lab is left afterwards."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.paths import labs_folder
from hublab.running.lab import Lab

HUBLAB = (sys.executable, "-m", "hublab")
ROOT = Path(__file__).parents[2]
GRACE = 45.0
"""Seconds after which nothing may be left of a lab whose owner was killed: 15 on a machine of one's
own, three times as much where others work too."""
SETTLED = 2.0
"""Seconds in which nothing may come back: a request whose sender is gone is served by then."""


def fresh_name() -> str:
    return f"life-{secrets.token_hex(3)}"


def hublab(
    *argv: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, as a person does."""
    return subprocess.run(
        [*HUBLAB, *argv],
        env={**os.environ, "NO_COLOR": "1", **(environment or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=180,
        check=False,
    )


def output_of(*argv: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a program printed on both streams; it must end with 0."""
    done = subprocess.run(
        [*map(str, argv)],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@contextmanager
def lab_of_name(name: str, *options: str) -> Iterator[Lab]:
    """A lab that `up` brings up in the project's folder, and that is gone whatever happens."""
    done = hublab("up", "--name", name, *options, cwd=ROOT)
    try:
        assert done.returncode == 0, done.stderr
        yield Lab.find(name, Engine.connect())
    finally:
        down(name, Engine.connect())


@contextmanager
def lab_for_a_test() -> Iterator[str]:
    """The same with a new name."""
    with lab_of_name(fresh_name()) as lab:
        yield lab.name


class Running:
    """A command that runs in the background, and what it says."""

    def __init__(self, *argv: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            # A shell's background job ignores SIGINT, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def wait_for(self, pattern: str, seconds: float = 120) -> re.Match[str]:
        """Wait until it says something; fails when it ends or is silent for too long."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.said)):
            assert self.process.poll() is None, f"it ended without {pattern!r}:\n{self.said}"
            assert time.monotonic() < end, f"no {pattern!r} within {seconds} s:\n{self.said}"
            time.sleep(0.01)
        return found

    def end(self, number: int) -> int:
        """Send it a signal, to it alone, and wait; returns its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        return code


def left_of(lab: str) -> list[str]:
    """Everything that there is of a lab: containers, networks, volumes, files, processes."""
    found = Engine.connect().leftovers(lab)
    if (labs_folder() / lab).exists():
        found.append(f"folder {labs_folder() / lab}")
    return [*found, *processes_about(lab)]


def processes_about(lab: str) -> list[str]:
    """Processes with the lab's name in their command line: guards, Compose, ourselves excepted."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if lab in words and int(folder.name) != os.getpid():
            found.append(f"process {folder.name} {' '.join(words)}")
    return found


def wait_until_gone(lab: str, seconds: float = GRACE) -> float:
    """Wait until nothing is left, and a moment longer; fails naming what stayed or came back."""
    begun = time.monotonic()
    wait(lambda: not left_of(lab), seconds, lambda: f"left of {lab}: {left_of(lab)}")
    gone = time.monotonic() - begun
    again = time.monotonic() + SETTLED
    while time.monotonic() < again:
        assert not left_of(lab), f"came back after {gone:.1f} s: {left_of(lab)}"
        time.sleep(0.2)
    return gone


def wait(holds: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.1)
