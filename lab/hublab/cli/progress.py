"""What long work says of itself, cut down to what a person wants to see."""

from __future__ import annotations

import re
import time

from rich.console import Console

STEP = re.compile(r"#(\d+) \[(.+)")
OUTPUT = re.compile(r"#(\d+) \d+\.\d+ ")
DONE = re.compile(r"#(\d+) DONE (\d+\.\d+)s")
COMPOSE = re.compile(r"^ *(Container|Network|Volume) (\S+) +(\w+)$")
WORTH_SAYING = 1.0
"""Seconds: a build step that took less is not told of when it ends."""


class Steps:
    """Progress on stderr, each line with the seconds since the command began.

    Takes the builder's and Compose's own lines too: a build step is shown once it really runs
    (a cached one never does), and again when it took long; a container once it has started.
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
                self.say(f"started {found[2]}")
        elif line.strip():
            self.say(line.strip())

    def _build(self, line: str) -> None:
        if (found := STEP.match(line)) and found[1] not in self._shown:
            self._waiting.setdefault(found[1], f"[{found[2]}")
        elif (found := OUTPUT.match(line)) and found[1] in self._waiting:
            self._shown[found[1]] = self._waiting.pop(found[1])
            self.say(f"building {shortened(self._shown[found[1]])}")
        elif (found := DONE.match(line)) and found[1] in self._shown:
            if float(found[2]) >= WORTH_SAYING:
                self.say(f"built    {shortened(self._shown[found[1]])} in {found[2]} s")
        elif "ERROR" in line:
            self.say(line)

    def say(self, text: str) -> None:
        """One line, with the seconds since the command began."""
        self.console.print(f"{time.monotonic() - self.begun:6.1f} s  {text}", markup=False)


def shortened(step: str, width: int = 100) -> str:
    """A build step in one line."""
    text = " ".join(step.split())
    return text if len(text) <= width else text[: width - 1] + "…"
