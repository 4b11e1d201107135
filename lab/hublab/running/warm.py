"""Warm hubs of a lab, and how to do without: compose/images/hub/warm forks them."""

from __future__ import annotations

from hublab.engine.records import File
from hublab.paths import ETC
from hublab.running.lab import Lab

COLD = "cold"
"""Below ETC, on the hub's host: while it exists, each hub does its own imports."""


def is_cold(lab: Lab) -> bool:
    """Whether a hub that starts now does its own imports."""
    return lab.engine.read_file(lab.one("hub").id, f"{ETC}/{COLD}") is not None


def make_cold(lab: Lab) -> bool:
    """Have each hub that starts from now on do its own imports; returns whether that is new."""
    if is_cold(lab):
        return False
    lab.engine.put_files(lab.one("hub").id, ETC, [File(COLD, b"")])
    return True


def make_warm(lab: Lab) -> None:
    """Have hubs forked again, from the next start on."""
    lab.output(lab.one("hub").service, "rm", "-f", f"{ETC}/{COLD}")
