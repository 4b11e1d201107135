"""Progress of long work: the type of its listeners, and the lines that a person wants to see."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich is slow to import; the caller of Steps has imported it for the console
    from rich.console import Console

Progress = Callable[[str], None]
"""Gets each line of progress as it appears; a line may come from a tool, as that printed it."""


def silent(line: str) -> None:
    """Progress that nobody is to see."""


STEP = re.compile(r"#(\d+) \[(.+)")
OUTPUT = re.compile(r"#(\d+) \d+\.\d+ ")
DONE = re.compile(r"#(\d+) DONE (\d+\.\d+)s")
COMPOSE = re.compile(r"^ *(Container|Network|Volume) (\S+) +(\w+)$")
LONG_STEP = 1.0
"""Seconds: a build step that took less is not reported when it ends."""


class Steps:
    """Progress on stderr, each line with the seconds since the command began.

    Also reads the lines of the image builder and of Compose. It shows a build step once it runs
    (a cached step never does), and again when it took long; a container once it has started.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.begun = time.monotonic()
        self._waiting: dict[str, str] = {}
        self._shown: dict[str, str] = {}

    def __call__(self, line: str) -> None:
        if line.startswith("#"):
            self._build(line)
        elif found := COMPOSE.match(line):
            if found[1] == "Container" and found[3] == "Started":
                self.show(f"started {found[2]}")
        elif line.strip():
            self.show(line.strip())

    def _build(self, line: str) -> None:
        if found := STEP.match(line):
            step = f"[{found[2]}"
            if self._shown.get(found[1]) != step:  # another build counts from 1 again
                self._shown.pop(found[1], None)
                self._waiting[found[1]] = step
        elif (found := OUTPUT.match(line)) and found[1] in self._waiting:
            self._shown[found[1]] = self._waiting.pop(found[1])
            self.show(f"building {shortened(self._shown[found[1]])}")
        elif (found := DONE.match(line)) and found[1] in self._shown:
            step = self._shown.pop(found[1])
            if float(found[2]) >= LONG_STEP:
                self.show(f"built    {shortened(step)} in {found[2]} s")
        elif "ERROR" in line:
            self.show(line)

    def show(self, text: str) -> None:
        """Print one line, with the seconds since the command began."""
        self.console.print(f"{time.monotonic() - self.begun:6.1f} s  {text}", markup=False)


def shortened(step: str, width: int = 100) -> str:
    """A build step in one line."""
    text = " ".join(step.split())
    return text if len(text) <= width else text[: width - 1] + "…"
