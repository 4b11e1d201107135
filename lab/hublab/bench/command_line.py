"""The start of `hublab` itself, against the command-line library alone. Needs no lab."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

from hublab.bench.measure import Part

HELP = (sys.executable, "-m", "hublab", "--help")
CLICK = (sys.executable, "-c", "import click")
MOST = 6.0
"""Times the floor: the listing of 31 verbs must not import what the verbs need."""


def parts() -> list[Part]:
    return [
        Part(
            "help",
            "hublab --help",
            "python -c 'import click'",
            partial(seconds_of, HELP),
            partial(seconds_of, CLICK),
            bound=MOST,
        )
    ]


async def seconds_of(argv: Sequence[str]) -> float:
    """Seconds from the start of a program to its end. Raises CalledProcessError if it fails."""

    def run() -> float:
        begun = time.monotonic()
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return time.monotonic() - begun

    return await asyncio.to_thread(run)
