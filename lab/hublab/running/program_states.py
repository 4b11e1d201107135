"""The programs of all of a lab's hosts, looked at side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hublab.engine import Container
from hublab.errors import HublabError
from hublab.running import programs
from hublab.running.lab import Lab

AT_ONCE = 8
"""Hosts that are asked at the same time: each costs one command on it."""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """A host's program; `state` is up, ended, down (stopped by hand, or not started) or unknown."""

    name: str
    state: str
    text: str
    """The state in a few words, with how it ended or since when it runs."""


def program_states(lab: Lab) -> dict[str, ProgramState | None]:
    """The program of each host; None where hublab supervises none."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        states = pool.map(lambda host: program_state(lab, host), lab.hosts.values())
        return dict(zip(lab.hosts, states, strict=True))


def program_state(lab: Lab, host: Container) -> ProgramState | None:
    """The program of one host, whose container may be down or frozen."""
    if not programs.is_supervised(host):
        return None
    program = programs.program_of(lab, host.service)
    if host.state != "running":  # a command in a frozen container would wait until it is thawed
        return ProgramState(program, "unknown" if host.state == "paused" else "down", host.state)
    try:
        status = programs.status(lab, host.service)
    except HublabError:
        return ProgramState(program, "unknown", "unknown")
    if status.up:
        return ProgramState(program, "up", f"up {duration(status.seconds)}")
    if status.ended:
        return ProgramState(program, "ended", f"ended: {status.end}")
    return ProgramState(program, "down", "down")


def duration(seconds: float) -> str:
    """A time in its largest unit: 40 s, 12 min, 3 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
