"""The command by which a guard removes the rings of an owner that was killed.

Its arguments are places, each `CONTAINER:FOLDER`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from hublab.capture.ring import Ring, remove
from hublab.engine import Engine


def removal_argv(rings: Iterable[Ring]) -> list[str]:
    """The command that removes these rings."""
    places = [f"{ring.container}:{ring.folder}" for ring in rings]
    return [sys.executable, "-m", "hublab.capture.removal", *places]


def main(places: Iterable[str]) -> None:
    found = (place.partition(":") for place in places)
    remove(Engine.connect(), [(container, folder) for container, _, folder in found])


if __name__ == "__main__":
    main(sys.argv[1:])
